#ifndef KPLAN_PROBE_TLS_SERVER_TESTING_H_
#define KPLAN_PROBE_TLS_SERVER_TESTING_H_

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "src/base/files.h"

namespace kplan {

// A TLS server on a free port of 127.0.0.1, in a thread of its own, one connection after the other. What it
// does with whom can be changed while it runs.
class TestTlsServer {
 public:
  // How clients without a certificate of `ca` are turned away.
  enum class Turns {
    kNobody,   // it does not ask for certificates
    kByAlert,  // in the handshake, as Go's servers do
    kByHttp,   // with status 400 once the handshake is done, as nginx does
    kByFault,  // not at all: it fails of itself (alert 80) at a certificate that is not of `ca`
  };

  struct Behaviour {
    std::string cert, key, ca;  // files
    Turns turns = Turns::kNobody;
    int status = 200;
    std::string body = "fine\n";
    bool plain = false;  // plain HTTP is answered, too; else with 400
    bool hang = false;   // it accepts connections, and never says a word
    bool broken =
        false;  // it fails of itself with everybody (alert 80), as without a certificate that it may read
  };

  explicit TestTlsServer(Behaviour behaviour);
  ~TestTlsServer();

  int port() const { return port_; }
  // "https://127.0.0.1:PORT" and PATH.
  std::string Url(const std::string& path = "/") const;

  void Become(Behaviour behaviour);
  // The first lines of the requests that were answered, each with the name that was given in TLS ("" for
  // none): "GET /metrics HTTP/1.1 localhost".
  std::vector<std::string> requests();

 private:
  void Serve();
  void Handle(int connection, const Behaviour& behaviour);
  void Note(const std::string& request, const std::string& server_name);

  UniqueFd listener_;
  int port_ = 0;
  std::atomic<bool> ended_{false};
  std::mutex mutex_;
  Behaviour behaviour_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace kplan

#endif  // KPLAN_PROBE_TLS_SERVER_TESTING_H_
