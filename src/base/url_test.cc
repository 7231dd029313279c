#include "src/base/url.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

TEST(SplitUrl, TakesApart) {
  std::optional<UrlParts> url = SplitUrl("https://me:pw@host.example:8443/a/b?c=d#e");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->user, "me:pw");
  EXPECT_EQ(url->host_port, "host.example:8443");
  EXPECT_EQ(url->host, "host.example");
  EXPECT_FALSE(url->bracketed);
  EXPECT_EQ(url->port, ":8443");
  EXPECT_EQ(url->rest, "/a/b?c=d#e");
  url = SplitUrl("HTTPS://Host");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "HTTPS");
  EXPECT_FALSE(url->user);
  EXPECT_EQ(url->host, "Host");
  EXPECT_EQ(url->port, "");
  EXPECT_EQ(url->rest, "");
}

struct Authority {
  absl::string_view url, host, port;
  bool bracketed;
};

TEST(SplitUrl, KnowsHostsInBrackets) {
  for (const auto& [text, host, port, bracketed] : {Authority{"a://[::1]", "::1", "", true},
                                                    {"a://[::1]:1/]", "::1", ":1", true},
                                                    {"a://u@[::1]x:1", "::1", "x:1", true},
                                                    {"a://[]", "", "", true},
                                                    {"a://[::1", "[", "::1", false},
                                                    {"a://[h/]", "[h", "", false},
                                                    {"a://h]:1", "h]", ":1", false},
                                                    {"a://::1:2", "", "::1:2", false},
                                                    {"a://h:", "h", ":", false},
                                                    {"a://h:1:2", "h", ":1:2", false},
                                                    {"a://", "", "", false},
                                                    {"a:///b", "", "", false}}) {
    std::optional<UrlParts> url = SplitUrl(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(url->host, host) << text;
    EXPECT_EQ(url->port, port) << text;
    EXPECT_EQ(url->bracketed, bracketed) << text;
  }
}

TEST(SplitUrl, EndsTheAuthorityBeforeTheRest) {
  for (const char* text : {"a://h/u@x:1", "a://h?u@x:1", "a://h#u@x:1", "a://h?/://"}) {
    std::optional<UrlParts> url = SplitUrl(text);
    ASSERT_TRUE(url) << text;
    EXPECT_FALSE(url->user) << text;
    EXPECT_EQ(url->host_port, "h") << text;
  }
  std::optional<UrlParts> url = SplitUrl("a://u@v@h");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->user, "u@v");
  EXPECT_EQ(url->host, "h");
  url = SplitUrl("a://@h");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->user, "") << "is there, and empty";
}

TEST(SplitUrl, WantsAScheme) {
  for (const char* bad : {"", "host", "host:1", "//host", "://host", "mailto:a@b", "1a://h", "a b://h",
                          "--config=file:///etc/x", "\xc3\xbc://h", " https://h", "https:/h"}) {
    EXPECT_FALSE(SplitUrl(bad)) << bad;
  }
  EXPECT_TRUE(SplitUrl("git+ssh.2-x://h"));
}

TEST(ParseHostPort, TakesNamesAndAddresses) {
  struct {
    const char *text, *host;
    int port;
  } good[] = {
      {"127.0.0.1:2379", "127.0.0.1", 2379}, {"[::1]:1", "::1", 1}, {"worker:65535", "worker", 65535}};
  for (const auto& [text, host, port] : good) {
    absl::StatusOr<HostPort> parsed = ParseHostPort(text);
    ASSERT_TRUE(parsed.ok()) << text;
    EXPECT_EQ(parsed->host, host);
    EXPECT_EQ(parsed->port, port);
  }
  for (const char* bad : {"", ":", ":1", "a", "a:", "a:0", "a:65536", "a:-1", "a:x", "::1:2379", "[::1]",
                          "[]:1", "[a:1", "[::1:2", "[a]x:1", "[::1]:2:3"}) {
    absl::StatusOr<HostPort> parsed = ParseHostPort(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.status().message(), "\"" + std::string(bad) + "\" is not HOST:PORT");
  }
}

TEST(ParseHttpsUrl, TakesHostAndPortAlone) {
  absl::StatusOr<HostPort> parsed = ParseHttpsUrl("https://[::1]:2379");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->host, "::1");
  EXPECT_EQ(parsed->port, 2379);
  for (const char* bad : {"", "h:1", "http://h:1", "HTTPS://h:1", "https://h:1/", "https://h:1?a",
                          "https://h?a:1", "https://u@h:1"}) {
    parsed = ParseHttpsUrl(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.status().message(), "\"" + std::string(bad) + "\" is not https://HOST:PORT");
  }
  EXPECT_EQ(ParseHttpsUrl("https://h").status().message(), "\"h\" is not HOST:PORT");
}

}  // namespace
}  // namespace kplan
