#ifndef KPLAN_ETCD_ETCD_CLUSTER_TESTING_H_
#define KPLAN_ETCD_ETCD_CLUSTER_TESTING_H_

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "src/base/record.h"
#include "src/etcd/etcd_cluster.h"

namespace kplan {

// A cluster of three real etcds with TLS everywhere, etcd-1 to etcd-3 on 127.0.0.2 to 127.0.0.4, each a child
// of this process. What is on disk is below FOLDER; all paths given out are absolute. They are killed with
// it.
class EtcdTrio {
 public:
  // Makes the certificates below FOLDER/pki: ca and other-ca (of the same name, but another key), bundle
  // (both); server-N, peer-N (N: 1 to 3; good for its address, and for 127.0.0.1, which connections on
  // loopback come from), peer-3-strict (good for its address alone), server-other and peer-other (good for
  // all three), peer-server-only (likewise, but without client auth), and clients: root, and guest, of that
  // CN. All signed by ca. Each NAME.pem and NAME-key.pem.
  explicit EtcdTrio(const std::string& folder);
  ~EtcdTrio();

  struct Member {
    std::string name, address;
    int client_port = 0, peer_port = 0;
    std::map<std::string, std::string> flags;  // without dashes; a test changes them before Start()
    std::vector<std::string> environment;
    pid_t pid = 0;

    std::string client_url() const;
    std::string peer_url() const;
  };
  std::vector<Member> members;

  void Start();                            // all that do not run
  void Signal(size_t member, int signal);  // SIGKILL waits for its end
  void WipeData(size_t member);
  // etcdctl with the certificate of root; it has to succeed. What it prints.
  std::string Etcdctl(const std::vector<std::string>& words, size_t member = 0);
  // Waits until all that run are healthy.
  void AwaitHealth();
  void Lead(size_t member);  // makes it the leader, if it has the id of the bootstrap

  std::string Pki(const std::string& name) const;  // the path of FOLDER/pki/NAME
  std::string Log(size_t member) const;            // what it logged

  // The record of a verification of it, and the ids that members have under TOKEN.
  Json Record() const;
  // As planned, and asked with the certificate of CLIENT ("root", "guest").
  PlannedCluster Planned(const std::string& client) const;
  std::vector<std::string> Ids(const std::string& token) const;
  static constexpr char kToken[] = "trio";

 private:
  std::string folder_;
};

}  // namespace kplan

#endif  // KPLAN_ETCD_ETCD_CLUSTER_TESTING_H_
