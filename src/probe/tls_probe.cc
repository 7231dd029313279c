#include "src/probe/tls_probe.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/host_port_text.h"
#include "src/probe/http_response.h"
#include "src/probe/listening.h"

namespace kplan {
namespace {

constexpr size_t kMaxResponse = 64 << 10;

using SslCtxPtr = std::unique_ptr<SSL_CTX, OpenSslDelete<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, OpenSslDelete<SSL_free>>;

// OpenSSL's trouble with what it was given.
absl::Status PemError(absl::string_view what) {
  return absl::InvalidArgumentError(OpenSslError(what).message());
}

absl::StatusOr<CertificatePtr> ParseCertificate(const std::string& pem, absl::string_view what) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return PemError(absl::StrCat(what, " is no PEM certificate"));
  return certificate;
}

// All certificates in PEM, one at least, each once.
absl::StatusOr<std::vector<CertificatePtr>> ParseCertificates(const std::string& pem,
                                                              absl::string_view what) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<CertificatePtr> certificates;
  while (CertificatePtr next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    bool known = false;
    for (const CertificatePtr& other : certificates) known |= X509_cmp(other.get(), next.get()) == 0;
    if (!known) certificates.push_back(std::move(next));
  }
  if (certificates.empty()) return PemError(absl::StrCat(what, " is no PEM certificate"));
  ERR_clear_error();  // the end of the PEM file counts as an error there
  return certificates;
}

absl::Status UseClient(SSL_CTX* context, const ClientIdentity& client) {
  BioPtr certs(BIO_new_mem_buf(client.cert_pem.data(), static_cast<int>(client.cert_pem.size())));
  CertificatePtr leaf(PEM_read_bio_X509(certs.get(), nullptr, nullptr, nullptr));
  if (leaf == nullptr) return PemError("the client certificate is no PEM certificate");
  absl::string_view key_pem = client.key_pem.view();
  BioPtr key_bio(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  // Never asks for a pass phrase on a terminal.
  auto no_passphrase = [](char*, int, int, void*) { return 0; };
  PkeyPtr key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, no_passphrase, nullptr));
  if (key == nullptr) return PemError("the client key is no PEM private key");
  if (SSL_CTX_use_certificate(context, leaf.get()) != 1 || SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return PemError("the client's key does not belong to its certificate");
  }
  while (CertificatePtr next{PEM_read_bio_X509(certs.get(), nullptr, nullptr, nullptr)}) {
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1)
      return PemError("the client's chain cannot be used");
  }
  ERR_clear_error();  // the end of the PEM file counts as an error there
  return absl::OkStatus();
}

// What the server showed of itself in the handshake, whether that came to its end or not.
void NoteServer(SSL* ssl, ProbeResult* result) {
  if (X509* served = SSL_get0_peer_certificate(ssl)) {
    result->certificate = ToDer(served, i2d_X509);
    long verified = SSL_get_verify_result(ssl);  // NOLINT(runtime/int): OpenSSL's type
    if (verified != X509_V_OK) result->chain_error = X509_verify_cert_error_string(verified);
  }
  const STACK_OF(X509_NAME)* names = SSL_get0_peer_CA_list(ssl);
  for (int i = 0; names != nullptr && i < sk_X509_NAME_num(names); ++i) {
    result->client_cas.push_back(ToDer(sk_X509_NAME_value(names, i), i2d_X509_NAME));
  }
  std::sort(result->client_cas.begin(), result->client_cas.end());
}

void OnInfo(const SSL* ssl, int where, int value) {
  // Fatal ones only: a warning (close_notify) is a goodbye.
  if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value >> 8) == SSL3_AL_FATAL) {
    static_cast<ProbeResult*>(SSL_get_app_data(ssl))->alert = value & 0xff;
  }
}

// The socket's side of a connection, whatever is spoken on it. What the server said last stays readable after
// it has turned us away, so that an error of sending is no reason to stop listening.
class Wire {
 public:
  Wire(Connection connection, absl::Time deadline, ProbeResult* result)
      : fd_(std::move(connection.fd)),
        why_cut_(std::move(connection.why_cut)),
        deadline_(deadline),
        result_(result) {}

  void Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(sent);
      } else if (errno == EAGAIN) {
        if (!Await(POLLOUT)) return;
      } else if (errno != EINTR) {
        return;
      }
    }
  }

  // The next bytes; none at the end, which RESULT then tells the kind of.
  absl::string_view Receive() {
    for (;;) {
      // Also of a server that says something all the time, and never what is waited for.
      if (absl::Now() >= deadline_) {
        result_->error = "no answer in time";
        return "";
      }
      ssize_t size = recv(fd_.get(), buffer_, sizeof(buffer_), 0);
      if (size > 0) return absl::string_view(buffer_, size);
      if (size == 0) {
        if (why_cut_) result_->error = why_cut_();
        result_->closed = result_->error.empty();
        return "";
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) {
        result_->error = strerror(errno);
        return "";
      }
      if (!Await(POLLIN)) return "";
    }
  }

 private:
  bool Await(short events) {
    for (;;) {
      int64_t left = std::max<int64_t>(0, absl::ToInt64Milliseconds(deadline_ - absl::Now()));
      struct pollfd poll_fd = {fd_.get(), events, 0};
      int ready = poll(&poll_fd, 1, static_cast<int>(std::min<int64_t>(left, 1 << 30)));
      if (ready > 0) return true;
      if (ready < 0 && errno == EINTR) continue;
      result_->error = "no answer in time";
      return false;
    }
  }

  const UniqueFd fd_;
  const std::function<std::string()> why_cut_;
  const absl::Time deadline_;
  ProbeResult* const result_;
  char buffer_[16 << 10];
};

void Flush(BIO* out, Wire* wire) {
  char* bytes = nullptr;
  long size = BIO_get_mem_data(out, &bytes);
  if (size > 0) wire->Send(absl::string_view(bytes, size));
  BIO_reset(out);
}

// Moves what SSL wants to say to the wire, and one helping from the wire to SSL. False at the end of the
// wire.
bool Pump(BIO* in, BIO* out, Wire* wire) {
  Flush(out, wire);
  absl::string_view bytes = wire->Receive();
  return !bytes.empty() && BIO_write(in, bytes.data(), static_cast<int>(bytes.size())) > 0;
}

std::string RequestText(const HostPort& target, const ProbeRequest& request) {
  std::string text = absl::StrCat(request.method, " ", request.path,
                                  " HTTP/1.1\r\nHost: ", HostPortText(target), "\r\nConnection: close\r\n");
  for (const auto& [name, value] : request.headers) absl::StrAppend(&text, name, ": ", value, "\r\n");
  if (!request.body.empty()) absl::StrAppend(&text, "Content-Length: ", request.body.size(), "\r\n");
  return absl::StrCat(text, "\r\n", request.body);
}

// *DEADLINE is moved by what the way there takes.
absl::StatusOr<Connection> Connect(Dialer* dialer, const HostPort& target, absl::Time* deadline) {
  if (dialer == nullptr) return DialFromHere(target, *deadline);
  const absl::Duration timeout = *deadline - absl::Now();
  absl::StatusOr<Connection> connection = dialer->Dial(target, timeout);
  *deadline = std::max(*deadline, absl::Now() + timeout);
  return connection;
}

}  // namespace

absl::StatusOr<ClientIdentity> MakeStranger(const ClientIdentity& ours) {
  absl::StatusOr<CertificatePtr> certificate = ParseCertificate(ours.cert_pem, "our client certificate");
  if (!certificate.ok()) return certificate.status();
  PkeyPtr key(EVP_EC_gen("P-256")), ca_key(EVP_EC_gen("P-256"));
  CertificatePtr forged(X509_dup(certificate->get()));
  if (key == nullptr || ca_key == nullptr || forged == nullptr ||
      X509_set_pubkey(forged.get(), key.get()) != 1 ||
      X509_sign(forged.get(), ca_key.get(), EVP_sha256()) == 0) {
    return PemError("cannot make a stranger's certificate");
  }
  BioPtr cert_out(BIO_new(BIO_s_mem())), key_out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(cert_out.get(), forged.get()) != 1 ||
      PEM_write_bio_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return PemError("cannot write a stranger's certificate");
  }
  ClientIdentity stranger;
  char* bytes = nullptr;
  long size = BIO_get_mem_data(cert_out.get(), &bytes);
  stranger.cert_pem.assign(bytes, size);
  size = BIO_get_mem_data(key_out.get(), &bytes);
  stranger.key_pem = Secret(std::string(bytes, size));
  return stranger;
}

absl::StatusOr<ProbeResult> ProbeTls(const HostPort& target, const std::string& ca_pem,
                                     const ClientIdentity& client, absl::Time deadline,
                                     const ProbeRequest& request, Dialer* dialer) {
  // openssl.cnf may forbid what etcd speaks, or allow what it should not; it also takes time to read.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return PemError("cannot set up TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);  // the result is read below
  absl::StatusOr<std::vector<CertificatePtr>> cas = ParseCertificates(ca_pem, "the CA");
  if (!cas.ok()) return cas.status();
  for (const CertificatePtr& ca : *cas) X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get());
  // As in Go: whatever is trusted is where a chain may end, an intermediate too.
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  if (!client.cert_pem.empty()) {
    if (absl::Status status = UseClient(context.get(), client); !status.ok()) return status;
  }

  absl::StatusOr<Connection> connection = Connect(dialer, target, &deadline);
  if (!connection.ok()) return connection.status();
  ProbeResult result;
  Wire wire(*std::move(connection), deadline, &result);
  SslPtr ssl(SSL_new(context.get()));
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  if (ssl == nullptr || in == nullptr || out == nullptr) return PemError("cannot set up TLS");
  SSL_set_bio(ssl.get(), in, out);  // it owns them now
  SSL_set_app_data(ssl.get(), &result);
  SSL_set_info_callback(ssl.get(), OnInfo);
  if (!request.server_name.empty() && SSL_set_tlsext_host_name(ssl.get(), request.server_name.c_str()) != 1)
    return PemError("cannot name the server in TLS");

  for (;;) {
    int done = SSL_connect(ssl.get());
    if (done == 1) break;
    if (SSL_get_error(ssl.get(), done) != SSL_ERROR_WANT_READ) {
      Flush(out, &wire);
      NoteServer(ssl.get(), &result);
      if (result.error.empty()) result.error = std::string(PemError("TLS handshake").message());
      return result;
    }
    if (!Pump(in, out, &wire)) {
      NoteServer(ssl.get(), &result);
      return result;
    }
  }
  result.protocol = SSL_get_version(ssl.get());
  NoteServer(ssl.get(), &result);

  // With TLS 1.3 the client's side of the handshake ends before the server has looked at the client's
  // certificate: only what it says next tells whether we are in.
  const std::string text = RequestText(target, request);
  SSL_write(ssl.get(), text.data(), static_cast<int>(text.size()));
  while (result.response.size() < kMaxResponse && !IsWholeHttp(result.response)) {
    char block[4096];
    int size = SSL_read(ssl.get(), block, sizeof(block));
    if (size > 0) {
      result.response.append(block, size);
      continue;
    }
    int error = SSL_get_error(ssl.get(), size);
    if (error == SSL_ERROR_ZERO_RETURN) result.closed = true;
    if (error != SSL_ERROR_WANT_READ || !Pump(in, out, &wire)) break;
  }
  ERR_clear_error();
  result.response = WithoutChunks(std::move(result.response));
  return result;
}

absl::StatusOr<std::vector<std::string>> SubjectsOf(const std::string& ca_pem) {
  absl::StatusOr<std::vector<CertificatePtr>> cas = ParseCertificates(ca_pem, "the CA");
  if (!cas.ok()) return cas.status();
  std::vector<std::string> subjects;
  for (const CertificatePtr& ca : *cas)
    subjects.push_back(ToDer(X509_get_subject_name(ca.get()), i2d_X509_NAME));
  std::sort(subjects.begin(), subjects.end());
  return subjects;
}

absl::StatusOr<ProbeResult> ProbePlaintext(const HostPort& target, absl::Time deadline,
                                           const ProbeRequest& request, Dialer* dialer) {
  absl::StatusOr<Connection> connection = Connect(dialer, target, &deadline);
  if (!connection.ok()) return connection.status();
  ProbeResult result;
  Wire wire(*std::move(connection), deadline, &result);
  wire.Send(RequestText(target, request));
  while (result.response.size() < kMaxResponse && !IsWholeHttp(result.response)) {
    absl::string_view bytes = wire.Receive();
    if (bytes.empty()) break;
    absl::StrAppend(&result.response, bytes);
  }
  result.response = WithoutChunks(std::move(result.response));
  // A TLS record of type alert (21): version, length 2, level, description (RFC 8446 5.1).
  const std::string& answer = result.response;
  if (answer.size() >= 7 && answer[0] == 21 && answer[1] == 3) {
    result.alert = static_cast<unsigned char>(answer[6]);
  }
  return result;
}

std::string AlertName(int alert) {
  std::string name = SSL_alert_desc_string_long(alert);
  if (name == "unknown") return absl::StrCat("alert ", alert);
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

bool IsCertificateAlert(int alert) {
  switch (alert) {
    case 40:   // handshake_failure: no certificate, in TLS 1.2
    case 42:   // bad_certificate: what Go says to most
    case 43:   // unsupported_certificate
    case 46:   // certificate_unknown
    case 48:   // unknown_ca
    case 49:   // access_denied
    case 51:   // decrypt_error: a signature that does not fit
    case 116:  // certificate_required
      return true;
    default:
      return false;
  }
}

bool IsServersFault(int alert) { return alert == SSL_AD_INTERNAL_ERROR; }

}  // namespace kplan
