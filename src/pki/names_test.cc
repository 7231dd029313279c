#include "src/pki/names.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

std::string San(absl::string_view host) {
  auto san = ClassifySan(host);
  return san.ok() ? san->first + " " + san->second : "refused";
}

std::string Repeat(int n, absl::string_view text) {
  std::string result;
  for (int i = 0; i < n; ++i) absl::StrAppend(&result, text);
  return result;
}

struct Good {
  const char* written;
  const char* canonical;
};

// What is refused, and words of the reason or the remedy.
struct Bad {
  std::string written;
  const char* because;
};

void ExpectBad(const std::vector<Bad>& table) {
  for (const Bad& bad : table) {
    auto san = ClassifySan(bad.written);
    ASSERT_FALSE(san.ok()) << bad.written << " is " << san->second;
    EXPECT_NE(san.status().message().find(bad.because), absl::string_view::npos)
        << bad.written << ": " << san.status().message();
  }
}

TEST(ClassifySan, KnowsTheKinds) {
  for (const auto& [written, canonical] :
       std::vector<Good>{{"worker", "dns worker"},
                         {"kubernetes.default.svc.cluster", "dns kubernetes.default.svc.cluster"},
                         {"Worker.Example.COM.", "dns worker.example.com"},
                         {"localhost.", "dns localhost"},
                         {"1password.com", "dns 1password.com"},
                         {"0x7f", "refused"},
                         {"a.0xyz", "dns a.0xyz"},
                         {"ab--cd.example", "dns ab--cd.example"},
                         {"*.example.com", "dns *.example.com"},
                         {"*.Example.com.", "dns *.example.com"},
                         {"10.32.0.1", "ip 10.32.0.1"},
                         {"::1", "ip ::1"},
                         {"::", "ip ::"},
                         {"2001:DB8:0:0::1", "ip 2001:db8::1"},
                         {"::ffff:10.0.0.1", "ip 10.0.0.1"},  // as Go compares it
                         {"::FFFF:a00:1", "ip 10.0.0.1"},
                         {"::10.0.0.1", "ip ::10.0.0.1"},
                         {"ops@example.com", "email ops@example.com"},
                         {"Ops+etcd@Example.COM", "email Ops+etcd@example.com"},
                         {"spiffe://prod/etcd", "uri spiffe://prod/etcd"},
                         {"HTTPS://Etcd.Example.com:2379/Path?q=%C3%BC#f",
                          "uri https://etcd.example.com:2379/Path?q=%C3%BC#f"},
                         {"https://10.0.0.1:2379", "uri https://10.0.0.1:2379"},
                         {"https://[2001:DB8::1]:2379/", "uri https://[2001:db8::1]:2379/"},
                         {"https://xn--bcher-kva.example/", "uri https://xn--bcher-kva.example/"}}) {
    EXPECT_EQ(San(written), canonical) << written;
  }
}

TEST(ClassifySan, RefusesWhatCfsslLetsThrough) {
  ExpectBad({{"", "empty"},
             {"etcd-0:2379", "write etcd-0"},
             {"dns:53", "write dns"},
             {"10.0.0.1:2379", "write 10.0.0.1"},
             {"10.0.0.0/24", "network"},
             {"a/b", "path"},
             {"a b", "not a DNS name"},
             {"a,DNS:evil", "not a DNS name"},
             {"DNS:a.example", "write a.example"},
             {"IP:10.0.0.1", "write 10.0.0.1"},
             {"email:a@example.com", "write a@example.com"},
             {"mailto:a@example.com", "write a@example.com"},
             {"URI:https://a.example", "write https://a.example"},
             {"my_host", "underscore"},
             {"_etcd-server._tcp.example", "underscore"},
             {"-a", "hyphen"},
             {"a-", "hyphen"},
             {"a.-b.c", "hyphen"},
             {"a..b", "empty label"},
             {"a..", "empty label"},
             {"localhost..", "empty label"},
             {".a", "empty label"},
             {".", "empty label"},
             {"a\"b", "not a DNS name"},
             {"$HOME", "not a DNS name"},
             {"%", "not a DNS name"},
             {"a%20b", "not a DNS name"},
             {std::string("a\0b", 3), "control character"},
             {std::string("10.0.0.1\0", 9), "control character"},
             {"a\nb", "control character"},
             {"a\tb", "control character"},
             {"a\x7f", "control character"},
             {"a\xC2\x9B", "control character"},
             {"a\xE2\x80\xA8", "control character"},
             {"a\xFF", "not UTF-8"}});
}

TEST(ClassifySan, RefusesWhatLooksLikeAnAddress) {
  ExpectBad({{"01.2.3.4", "looks like an IP address"},
             {"1.2.3.4 ", "not a DNS name"},
             {"1.2.3", "looks like an IP address"},
             {"1.2.3.4.5", "looks like an IP address"},
             {"1.2.3.4.", "looks like an IP address"},
             {"256.1.1.1", "looks like an IP address"},
             {"127.1", "looks like an IP address"},
             {"2130706433", "looks like an IP address"},
             {"0x7f.1", "looks like an IP address"},
             {"0x7f000001", "looks like an IP address"},
             {"127.0.0.0x1", "looks like an IP address"},
             {"a.0x", "looks like an IP address"},
             {"a.example.1", "looks like an IP address"},
             {"*.10.0.0.1", "looks like an IP address"},
             {"*.0.0.1", "looks like an IP address"},
             // Full-width digits, which browsers take for an address.
             {"１２７.0.0.1", "looks like an IP address"},
             {"[::1]", "brackets"},
             {"[::1", "brackets"},
             {"[::1]:2379", "brackets"},
             {"[10.0.0.1]", "brackets"},
             {"fe80::1%eth0", "zone"},
             {"::12345", "IPv6"},
             {"::ffff:1.2.3.256", "IPv6"},
             {"::ffff:01.2.3.4", "IPv6"},
             {"1::2::3", "IPv6"},
             {"1:2:3:4:5:6:7:8:9", "IPv6"},
             {":::", "IPv6"},
             {"fe80::1/64", "network"}});
}

TEST(ClassifySan, KnowsWhereAWildcardMayStand) {
  ExpectBad({{"*", "alone"},
             {"*.", "empty label"},
             {"*.com", "top-level"},
             {"*.com.", "top-level"},
             {"*.bücher", "top-level"},
             {"*.*.com", "alone"},
             {"a.*.com", "alone"},
             {"**.example.com", "alone"},
             {"a*.example.com", "alone"},
             {"*a.example.com", "alone"},
             {"xn--*.example.com", "alone"},
             {"xn--bcher-kva*.example.com", "alone"},
             {"*..example.com", "empty label"},
             {"*example.com", "alone"},
             // A full-width asterisk is mapped to a plain one.
             {"＊.example.com", "not a DNS name"},
             {"*.xn--fake.example", "no A-label"},
             {"*.☃.example", "IDNA2008"},
             {"*@example.com", "wildcard"},
             {"ops@*.example.com", "not a DNS name"},
             {"https://*.example.com/", "wildcard"}});
}

TEST(ClassifySan, KnowsTheLongest) {
  std::string label(63, 'a');
  EXPECT_EQ(San(label + ".b"), "dns " + label + ".b");
  ExpectBad({{label + "a.b", "64 characters; at most 63"}});
  std::string name = Repeat(5, std::string(49, 'a') + ".");  // 250
  EXPECT_EQ(San(name + "bbb"), "dns " + name + "bbb");
  EXPECT_EQ(San(name + "bbb."), "dns " + name + "bbb") << "the dot at the end is none of the 253";
  EXPECT_EQ(San("*." + name + "b"), "dns *." + name + "b");
  ExpectBad({{name + "bbbb", "254 characters; at most 253"},
             {"*." + name + "bb", "254 characters; at most 253"},
             {"*." + name + "bbb.", "255 characters; at most 253"},
             {Repeat(60, "ü") + ".example", "longer than 63 characters as an A-label"},
             {Repeat(50, "bücher.") + "example", "characters; at most 253"}});
}

TEST(ClassifySan, WritesALabels) {
  for (const auto& [written, canonical] :
       std::vector<Good>{{"bücher.example", "dns xn--bcher-kva.example"},
                         {"BÜCHER.Example.", "dns xn--bcher-kva.example"},
                         {"bu\xCC\x88"
                          "cher.example",
                          "dns xn--bcher-kva.example"},  // u and a combining diaeresis
                         {"*.bücher.example", "dns *.xn--bcher-kva.example"},
                         {"straße.example", "dns xn--strae-oqa.example"},  // not strasse: non-transitional
                         {"βόλος.example", "dns xn--nxasmm1c.example"},    // the final sigma stays
                         {"نامه‌ای.example",
                          "dns xn--mgba3gch31f060k.example"},  // a zero width non-joiner that is allowed
                         {"例え。テスト", "dns xn--r8jz45g.xn--zckzah"},  // an ideographic full stop
                         {"ｅtcd.example", "dns etcd.example"},           // full-width
                         {"xn--bcher-kva.example", "dns xn--bcher-kva.example"},
                         {"XN--BCHER-KVA.example", "dns xn--bcher-kva.example"},
                         {"xn--strae-oqa.example", "dns xn--strae-oqa.example"},
                         {"*.xn--bcher-kva.example", "dns *.xn--bcher-kva.example"},
                         {"ab--cd.bücher.example", "dns ab--cd.xn--bcher-kva.example"},
                         {"ops@bücher.example", "email ops@xn--bcher-kva.example"}}) {
    EXPECT_EQ(San(written), canonical) << written;
  }
}

TEST(ClassifySan, RefusesWhatIsNoALabel) {
  ExpectBad({{"xn--", "hyphen"},
             {"xn--a", "no A-label"},
             {"xn--fake", "no A-label"},
             {"xn--0.example", "no A-label"},
             {"xn--99zz", "no A-label"},
             {"xn--bcher-kvb.example", "no A-label"},
             {"xn--wca", "no A-label"},         // Ü, whose form is ü
             {"xn--bucher-xyd", "no A-label"},  // not composed
             {"xn--jm6c", "no A-label"},        // the ligature fi, whose form is f and i
             {"xn--kkg", "no A-label"},         // a capital sharp s
             {"xn--ab-5da", "no A-label"},      // a soft hyphen, which is mapped to nothing
             {"xn--abcd-sw3c", "no A-label"},   // an ideographic full stop
             {"xn--.com-zra", "hyphen"},
             {"xn--_b-wka", "underscore"},                              // ü_b
             {"ｘn--fake.example", "cannot be written as an A-label"},  // full-width x
             {"xn--1ug", "RFC 5892, appendix A"},                       // a joiner alone
             {"xn--i-7iq.example", "IDNA2008"},                         // i and a heart
             {"a@xn--fake", "no A-label"},
             {"https://xn--fake.example/", "no A-label"}});
}

TEST(ClassifySan, RefusesWhatIdnaDoesNotAllow) {
  ExpectBad({{"☃.example", "the label \"☃\" has a character that IDNA2008 does not allow"},
             {"😀.example", "IDNA2008"},
             {"a.ü_b.example", "underscore"},
             {"ü b.example", "label"},
             {"ü..example", "empty label"},
             {"-ü.example", "hyphen"},
             {"ü-.example", "hyphen"},
             {"aü--b.example", "third and fourth"},
             {"אa.example", "RFC 5893"},
             {"a\u200d"
              "b.example",
              "RFC 5892, appendix A"},
             {"\u0301"
              "a.example",
              "combines"},
             {"a․b.example", "IDNA2008"},  // U+2024
             {"a…b.example", "IDNA2008"},
             {"\u00ad.example", "empty label"},
             {"⒈.example", "IDNA2008"},  // 1 and a dot
             {"a@☃.example", "IDNA2008"}});
}

TEST(ClassifySan, ChecksMailboxes) {
  std::string local(64, 'a');
  EXPECT_EQ(San(local + "@b"), "email " + local + "@b");
  // 64, the @ and 189 make 254.
  std::string domain = Repeat(3, std::string(49, 'b') + ".") + std::string(39, 'c');
  EXPECT_EQ(San(local + "@" + domain), "email " + local + "@" + domain);
  ExpectBad({{local + "a@b", "65 characters before the @"},
             {local + "@" + domain + "c", "255 characters; at most 254"},
             {"@example.com", "one side"},
             {"a@", "one side"},
             {"@", "one side"},
             {"a@b@c", "mailbox name"},
             {"a b@example.com", "mailbox name"},
             {"\"a b\"@example.com", "quote"},
             {"\"a\"@example.com", "quote"},
             {"a\"b@example.com", "mailbox name"},
             {"a,b@example.com", "mailbox name"},
             {"Ops <ops@example.com>", "mailbox name"},
             {".a@example.com", "dot"},
             {"a.@example.com", "dot"},
             {"a..b@example.com", "dot"},
             {"ü@example.com", "ASCII"},
             {"a@-b", "hyphen"},
             {"a@b.", "dot at its end"},
             {"a@b..c", "empty label"},
             {"a@10.0.0.1", "looks like an IP address"},
             {"a@[10.0.0.1]", "not a DNS name"},
             {"a@b:25", "not a DNS name"}});
}

TEST(ClassifySan, ChecksUris) {
  for (const char* good :
       {"http://a", "https://a/", "ldap://a.example/cn=x,dc=y??sub?(a=b)", "ftp://a/~b/c;d=1",
        "spiffe://prod.example", "spiffe://prod.example/a/b_c.d-E", "a+b-c.1://a", "https://a:1/",
        "https://a:65535", "https://a/%41%2f", "https://a?b", "https://a#b"}) {
    EXPECT_EQ(San(good), absl::StrCat("uri ", good));
  }
  ExpectBad({{"spiffe://", "without a host"},
             {"file:///etc/passwd", "without a host"},
             {"https://?a", "without a host"},
             {"https://:2379/", "without a host"},
             {"https://[]/", "without a host"},
             {"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "without a host"},
             {"http:/a", "without a host"},
             {"https:a.example", "without a host"},
             {"://x", "not a URI"},
             {"1a://x", "not a URI"},
             {"a_b://x", "not a URI"},
             {" https://a", "not a URI"},
             {"http:// x", "not a DNS name"},
             {"http://a/b c", "percent-encode"},
             {"https://a/<b>", "percent-encode"},
             {"https://a/[b]", "percent-encode"},
             {"https://a/\\b", "percent-encode"},
             {"https://a/{b}", "percent-encode"},
             {"https://a/ü", "percent-encode"},
             {"https://a/%", "hexadecimal"},
             {"https://a/%4", "hexadecimal"},
             {"https://a/%4g", "hexadecimal"},
             {"https://a/#b#c", "two fragments"},
             {"https://user@a/", "write https://a/"},
             {"https://user:secret@a/", "write https://a/"},
             {"https://a%2eb/", "percent-encoded"},
             {"https://a:/", "no port"},
             {"https://a:0/", "no port"},
             {"https://a:00443/", "no port"},
             {"https://a:65536/", "no port"},
             {"https://a:99999999999/", "no port"},
             {"https://a:b/", "no port"},
             {"https://a:1:2/", "no port"},
             {"https://[::1]2379/", "no port"},
             {"https://[::1", "close the bracket"},
             {"https://[::12345]/", "IPv6"},
             {"https://[fe80::1%25eth0]/", "IPv6"},
             {"https://[::ffff:10.0.0.1]/", "write 10.0.0.1"},
             {"https://::1/", "without a host"},
             {"https://1.2.3/", "looks like an IP address"},
             {"https://01.2.3.4/", "looks like an IP address"},
             {"https://a../", "empty label"},
             {"https://a.example./", "empty label"},
             {"https://my_host/", "underscore"},
             {"https://bücher.example/", "write its A-label: xn--bcher-kva.example"},
             {"https://☃.example/", "IDNA2008"},
             {"spiffe://prod.example:443/a", "SPIFFE ID: it has a port"},
             {"spiffe://prod.example/a?b", "query"},
             {"spiffe://prod.example/a#b", "fragment"},
             {"spiffe://prod.example/", "path"},
             {"spiffe://prod.example/a/", "path"},
             {"spiffe://prod.example/a//b", "path"},
             {"spiffe://prod.example/a/../b", "path"},
             {"spiffe://prod.example/%41", "path"}});
}

TEST(CheckDnsName, TakesNoOtherScripts) {
  EXPECT_TRUE(CheckDnsName("xn--bcher-kva.example").ok());
  EXPECT_EQ(CheckDnsName("bücher.example").message(),
            "a name with characters that are not ASCII\nwrite its A-label: xn--bcher-kva.example");
  for (const char* bad : {"", "a.", "*.example.com", "xn--fake", "1.2.3", "☃", "a\xFF"}) {
    EXPECT_FALSE(CheckDnsName(bad).ok()) << bad;
  }
}

// What is proposed is good itself, and is what was meant.
TEST(ClassifySan, ProposesWhatIsGood) {
  struct Proposal {
    const char *written, *proposed, *because;  // proposed: "" for none
  };
  for (const auto& [written, proposed, because] : std::vector<Proposal>{
           {"[::1]:443", "::1", "in brackets with a port"},
           {"[::1]", "::1", "in brackets"},
           {"[10.0.0.1]", "10.0.0.1", "in brackets"},
           {"[::1", "::1", "in brackets"},
           {"::1]", "::1", "in brackets"},
           {"[]", "", "an empty name"},
           {"worker:80", "worker", "a port"},
           {"*.example.com:80", "*.example.com", "a port"},
           {"*.localhost:8443", "", "\"*.localhost\": a wildcard for a whole top-level domain"},
           {"my_host:80", "", "\"my_host\": a DNS name with an underscore"},
           {"IP:10.0.0.1", "10.0.0.1", "kind in front"},
           {"IP:10.0.0.256", "", "\"10.0.0.256\": looks like an IP address, but is none"},
           {"dns:dns:web.example", "", "kind in front"},
           {"DNS:web.example:80", "", "a port"},
           {"web.example/", "web.example", "a path"},
           {"10.0.0.1/", "10.0.0.1", "a path"},
           {"10.0.0.0/24", "", "a network"},
           {"10.0.0.0/255.255.255.0", "", "a network"},
           {"/etc/hosts", "", "a path"},
           {"fe80::1%eth0", "fe80::1", "a zone"},
           {"ops@example.com.", "ops@example.com", "a dot at its end"},
           {"https://a:b@web.example/x", "https://web.example/x", "a user"},
           {"https://a:b@my_host/x", "", "underscore"}}) {
    const absl::StatusOr<std::pair<std::string, std::string>> san = ClassifySan(written);
    ASSERT_FALSE(san.ok()) << written;
    EXPECT_NE(ReasonOf(san.status()).find(because), std::string::npos)
        << written << ": " << san.status().message();
    const Remedy remedy = RemedyOf(san.status());
    EXPECT_EQ(remedy.instead.value_or(""), proposed) << written;
    if (remedy.instead) {
      EXPECT_TRUE(ClassifySan(*remedy.instead).ok()) << written;
    }
  }
  // However often the kind stands in front, there is an end.
  EXPECT_FALSE(ClassifySan(Repeat(1000000, "dns:")).ok());
}

TEST(CheckUriIsMeant, KnowsUrlsOfHosts) {
  auto proposed = [](absl::string_view uri) {
    const absl::Status status = CheckUriIsMeant(*ClassifySan(uri));
    return status.ok() ? "" : *RemedyOf(status).instead;
  };
  EXPECT_EQ(proposed("https://ldap.lab.example"), "ldap.lab.example");
  EXPECT_EQ(proposed("HTTPS://web.example:8443/"), "web.example");
  EXPECT_EQ(proposed("tcp://10.0.0.1:2379"), "10.0.0.1");
  EXPECT_EQ(proposed("https://[::1]:443"), "::1");
  for (const char* meant : {"spiffe://prod/etcd", "https://github.com/org/repo", "web.example", "10.0.0.1"})
    EXPECT_EQ(proposed(meant), "") << meant;
}

TEST(SanCovers, ComparesAsAClientDoes) {
  EXPECT_TRUE(SanCovers({"dns", "worker"}, "worker"));
  EXPECT_FALSE(SanCovers({"dns", "worker"}, "worker.example.com"));
  EXPECT_TRUE(SanCovers({"dns", "*.example.com"}, "a.example.com"));
  EXPECT_FALSE(SanCovers({"dns", "*.example.com"}, "a.b.example.com"));
  EXPECT_FALSE(SanCovers({"dns", "*.example.com"}, "example.com"));
  EXPECT_TRUE(SanCovers({"ip", "::1"}, "0:0::1"));
  EXPECT_FALSE(SanCovers({"dns", "127.0.0.1"}, "127.0.0.2"));
  EXPECT_FALSE(SanCovers({"email", "worker"}, "worker"));
}

TEST(CheckSubjectField, KnowsTheUpperBounds) {
  struct Row {
    const char* field;
    size_t most;
  };
  for (const auto& [field, most] :
       std::vector<Row>{{"ST", 128}, {"L", 128}, {"O", 64}, {"OU", 64}, {"CN", 64}, {"serialNumber", 64}}) {
    EXPECT_TRUE(CheckSubjectField(field, std::string(most, 'x')).ok()) << field;
    absl::Status status = CheckSubjectField(field, std::string(most + 1, 'x'));
    EXPECT_NE(status.message().find(absl::StrCat(most + 1, " characters; at most ", most)),
              absl::string_view::npos)
        << field << ": " << status;
    for (const char* bad : {"", " x", "x ", " ", "x\ny", "x\x7f", "x\xFF"}) {
      EXPECT_FALSE(CheckSubjectField(field, bad).ok()) << field << " \"" << bad << "\"";
    }
  }
  EXPECT_TRUE(CheckSubjectField("CN", Repeat(64, "ü")).ok()) << "64 characters, 128 bytes";
  EXPECT_FALSE(CheckSubjectField("CN", Repeat(64, "ü") + "x").ok());
  EXPECT_TRUE(CheckSubjectField("O", Repeat(64, "😀")).ok()) << "64 characters, 256 bytes";
  EXPECT_TRUE(CheckSubjectField("O", "Zürich * & Co.").ok());
}

TEST(CheckSubjectField, KnowsTheFormOfEach) {
  EXPECT_TRUE(CheckSubjectField("C", "US").ok());
  for (const char* bad : {"us", "USA", "U", "U1", "", "ÜS", "U "})
    EXPECT_FALSE(CheckSubjectField("C", bad).ok()) << bad;
  EXPECT_EQ(CheckSubjectField("O", "x\u00a0").message(), "O begins or ends with a space\nremove it");
  EXPECT_FALSE(CheckSubjectField("O", "\u3000x").ok()) << "an ideographic space";
  EXPECT_TRUE(CheckSubjectField("O", "a\u00a0b").ok());
  EXPECT_TRUE(CheckSubjectField("serialNumber", "S-1 '()+,./:=?").ok());
  for (const char* bad : {"a*b", "a@b", "a_b", "a&b", "ü", "a\"b", "#1"}) {
    EXPECT_NE(CheckSubjectField("serialNumber", bad).message().find("PrintableString"),
              absl::string_view::npos)
        << bad;
  }
  EXPECT_EQ(CheckSubjectField("serialNumber", "").message(),
            "SerialNumber is empty\nremove it, or give it a value");
}

}  // namespace
}  // namespace kplan
