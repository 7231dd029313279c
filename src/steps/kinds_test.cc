#include "src/steps/kinds.h"

#include "gmock/gmock.h"

namespace kplan {
namespace {

using testing::HasSubstr;

// Records are also those of a plan that another kplan wrote.
TEST(Kinds, ARecordOfAKindThatNobodyHereKnowsIsToldWithWhatToDo) {
  for (const char* record : {R"({"kind":"of-tomorrow"})", R"({"kind":"host","name":"etcd-2"})", "{}"}) {
    const absl::Status status = LookAtStep("host/etcd-2", record, absl::UnixEpoch(), Foreseen()).status();
    EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("run `kplan gen` again"));
  }
  EXPECT_THAT(std::string(UnknownKind("of-tomorrow").message()), HasSubstr("of-tomorrow"));
}

}  // namespace
}  // namespace kplan
