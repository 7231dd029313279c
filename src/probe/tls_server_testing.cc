#include "src/probe/tls_server_testing.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/pki/openssl_util.h"

namespace kplan {
namespace {

// A test that cannot go on.
void Require(bool right, const char* what) {
  if (right) return;
  fprintf(stderr, "tls_server_testing: %s: ", what);
  ERR_print_errors_fp(stderr);
  abort();
}

std::string ResponseOf(int status, const std::string& body) {
  return absl::StrCat("HTTP/1.1 ", status, " as told\r\nContent-Length: ", body.size(),
                      "\r\nConnection: close\r\n\r\n", body);
}

// The record of a fatal alert internal_error (RFC 8446 5.1, 6).
constexpr char kInternalError[] = {21, 3, 3, 0, 2, 2, 80};

// As the check of a certificate that ends for want of memory.
int FailAtStrangers(int good, X509_STORE_CTX* context) {
  if (good != 1) X509_STORE_CTX_set_error(context, X509_V_ERR_OUT_OF_MEM);
  return good;
}

// Says goodbye in order: closed with something unread the socket would send a reset, which can overtake what
// was said last.
void HangUp(int connection) {
  shutdown(connection, SHUT_WR);
  char rest[4096];
  while (recv(connection, rest, sizeof(rest), 0) > 0) {
  }
}

}  // namespace

TestTlsServer::TestTlsServer(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to clients that may be gone
  listener_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  Require(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
              listen(listener_.get(), 64) == 0 &&
              getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0,
          "cannot listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

TestTlsServer::~TestTlsServer() {
  ended_ = true;
  thread_.join();
}

std::string TestTlsServer::Url(const std::string& path) const {
  return absl::StrCat("https://127.0.0.1:", port_, path);
}

void TestTlsServer::Become(Behaviour behaviour) {
  std::lock_guard<std::mutex> lock(mutex_);
  behaviour_ = std::move(behaviour);
}

std::vector<std::string> TestTlsServer::requests() {
  std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

void TestTlsServer::Note(const std::string& request, const std::string& server_name) {
  std::lock_guard<std::mutex> lock(mutex_);
  requests_.push_back(absl::StrCat(request.substr(0, request.find("\r\n")), " ", server_name));
}

void TestTlsServer::Serve() {
  std::vector<UniqueFd> held;  // connections that nothing is said to
  while (!ended_) {
    struct pollfd waiting = {listener_.get(), POLLIN, 0};
    if (poll(&waiting, 1, 20) != 1) continue;
    UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.ok()) continue;
    const struct timeval patience = {2, 0};
    setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    Behaviour behaviour;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      behaviour = behaviour_;
    }
    if (behaviour.hang) {
      held.push_back(std::move(connection));
    } else {
      Handle(connection.get(), behaviour);
    }
  }
}

void TestTlsServer::Handle(int connection, const Behaviour& behaviour) {
  char buffer[4096];
  if (recv(connection, buffer, 1, MSG_PEEK) != 1) return;
  if (buffer[0] != 0x16) {  // no TLS handshake
    ssize_t size = recv(connection, buffer, sizeof(buffer), 0);
    if (size > 0) Note(std::string(buffer, size), "plain");
    const bool fails = behaviour.broken || behaviour.turns == Turns::kByFault;
    const std::string response = fails ? std::string(kInternalError, sizeof(kInternalError))
                                 : behaviour.plain
                                     ? ResponseOf(behaviour.status, behaviour.body)
                                     : ResponseOf(400, "The plain HTTP request was sent to HTTPS port\n");
    send(connection, response.data(), response.size(), MSG_NOSIGNAL);
    return HangUp(connection);
  }
  std::unique_ptr<SSL_CTX, OpenSslDelete<SSL_CTX_free>> context(SSL_CTX_new(TLS_server_method()));
  Require(SSL_CTX_use_certificate_chain_file(context.get(), behaviour.cert.c_str()) == 1 &&
              SSL_CTX_use_PrivateKey_file(context.get(), behaviour.key.c_str(), SSL_FILETYPE_PEM) == 1,
          "cannot use the server's certificate");
  if (behaviour.turns != Turns::kNobody) {
    Require(SSL_CTX_load_verify_locations(context.get(), behaviour.ca.c_str(), nullptr) == 1,
            "cannot read the CA");
    if (behaviour.turns == Turns::kByFault) {
      SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, FailAtStrangers);
    } else if (behaviour.turns == Turns::kByAlert) {
      SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    } else {
      SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
    }
  }
  if (behaviour.broken)
    SSL_CTX_set_cert_cb(
        context.get(), [](SSL*, void*) { return 0; }, nullptr);
  std::unique_ptr<SSL, OpenSslDelete<SSL_free>> ssl(SSL_new(context.get()));
  SSL_set_fd(ssl.get(), connection);
  if (SSL_accept(ssl.get()) == 1) {
    const int size = SSL_read(ssl.get(), buffer, sizeof(buffer));
    const char* name = SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name);
    if (size > 0) {
      Note(std::string(buffer, size), name == nullptr ? "" : name);
      const bool stranger =
          behaviour.turns == Turns::kByHttp &&
          (SSL_get0_peer_certificate(ssl.get()) == nullptr || SSL_get_verify_result(ssl.get()) != X509_V_OK);
      const std::string response = stranger ? ResponseOf(400, "No required SSL certificate was sent\n")
                                            : ResponseOf(behaviour.status, behaviour.body);
      SSL_write(ssl.get(), response.data(), static_cast<int>(response.size()));
    }
    SSL_shutdown(ssl.get());
  }
  ERR_clear_error();
  HangUp(connection);
}

}  // namespace kplan
