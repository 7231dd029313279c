#ifndef KPLAN_STEPS_SERVICE_ETCD_TESTING_H_
#define KPLAN_STEPS_SERVICE_ETCD_TESTING_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "src/base/record.h"
#include "src/step/step_testing.h"

namespace kplan {

// The folder with etcd and etcdctl: KPLAN_TEST_ETCD_DIR, or what is in the archive //tests:etcd or another of
// the test's data that KPLAN_TEST_ETCD_ARCHIVE names; empty when there is none.
const std::string& EtcdFolder();

// A test with a real etcd, as service-manager `process` runs it, in the folder ./rootfs of the test's own:
// program, certificates, free ports. Skipped where there is no etcd: KPLAN_TEST_ETCD_DIR names a folder with
// etcd and etcdctl; without it the archive //tests:etcd is used.
class EtcdTest : public StepTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  // The records of the tutorial's etcd here; a test changes what it is about.
  Json service_;
  Json verify_;

  static std::string Text(const Json& record) { return record.dump(); }

  // The certificates that SetUp makes below ./pki: ca, leaf and other-leaf (both signed by ca; leaf for
  // worker and 127.0.0.1), other-ca (with the names of ca, but another key). Each NAME.pem and NAME-key.pem.
  static std::string Pki(const std::string& name) { return Read("pki/" + name); }

  pid_t Pid();  // of the pid file; 0 when there is none
  static bool Alive(pid_t pid);
  int port_ = 0;

  // A port of 127.0.0.1 that was free a moment ago.
  static int FreePort();

  // Runs a program to its end; it has to succeed.
  static void Shell(const std::vector<std::string>& argv);
};

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_ETCD_TESTING_H_
