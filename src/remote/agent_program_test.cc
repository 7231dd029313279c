#include "src/remote/agent_program.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/process.h"

namespace kplan {
namespace {

using testing::HasSubstr;

class AgentProgramTest : public testing::Test {
 protected:
  AgentProgramTest() {
    std::string name = testing::TempDir() + "/programXXXXXX";
    folder_ = mkdtemp(&name[0]);
    std::filesystem::current_path(folder_);
  }
  ~AgentProgramTest() override {
    std::filesystem::current_path("/");
    std::filesystem::remove_all(folder_);
  }
  std::string folder_;
};

TEST_F(AgentProgramTest, TheScriptsAreForEveryLoginShell) {
  AgentProgram program;
  program.sha256 = Sha256Hex("x");
  program.size = 12345;
  for (const std::string& script : {program.StartScript(), program.ReceiveScript()}) {
    // RemoteShell puts it between single quotes: what csh and fish know there must not be in it.
    EXPECT_EQ(script.find_first_of("'!\\\n"), std::string::npos) << script;
    absl::StatusOr<RunResult> check = kplan::Run({"sh", "-n", "-c", script});
    ASSERT_TRUE(check.ok());
    EXPECT_TRUE(check->ok()) << check->err;
  }
}

TEST_F(AgentProgramTest, IsThisOneHere) {
  absl::StatusOr<AgentProgram> program = AgentProgram::Find("h1", "");
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(program->sha256, *Sha256HexOfFile("/proc/self/exe"));
  EXPECT_EQ(program->size, static_cast<int64_t>(std::filesystem::file_size("/proc/self/exe")));
  EXPECT_EQ(program->name(), "kplan-agent-" + program->sha256.substr(0, 16));
  // The digest is known from then on, for this very program only.
  const std::string memory = ".kplan/ssh/agent-" + program->arch;
  absl::StatusOr<std::string> text = ReadFile(memory);
  ASSERT_TRUE(text.ok());
  std::string other = *text;
  const std::string wrong = Sha256Hex("wrong");
  other.replace(other.size() - 64, 64, wrong);
  ASSERT_TRUE(WriteFile(memory, other, 0600).ok());
  EXPECT_EQ(AgentProgram::Find("h1", program->arch)->sha256, wrong);
  other[other.find('\n') + 1] = 'x';  // the signature
  ASSERT_TRUE(WriteFile(memory, other, 0600).ok());
  EXPECT_EQ(AgentProgram::Find("h1", program->arch)->sha256, program->sha256);
}

TEST_F(AgentProgramTest, ForAnotherArchLiesBesideThisOne) {
  absl::StatusOr<AgentProgram> program = AgentProgram::Find("h1", "riscv64");
  EXPECT_TRUE(absl::IsFailedPrecondition(program.status()));
  EXPECT_THAT(std::string(program.status().message()), HasSubstr("host h1 is riscv64"));
  EXPECT_THAT(std::string(program.status().message()), HasSubstr("/kplan-linux-riscv64"));
}

TEST_F(AgentProgramTest, ArchOfMachine) {
  EXPECT_EQ(ArchOfMachine("x86_64"), "amd64");
  EXPECT_EQ(ArchOfMachine("aarch64"), "arm64");
  EXPECT_EQ(ArchOfMachine("riscv64"), "riscv64");
}

TEST_F(AgentProgramTest, IsPlacedWhole) {
  ASSERT_TRUE(WriteFile("incoming-1", "program", 0700).ok());
  const std::string digest = Sha256Hex("program");
  EXPECT_TRUE(absl::IsInvalidArgument(PlaceAgent(folder_ + "/incoming-1", Sha256Hex("another"))));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  ASSERT_TRUE(WriteFile("incoming-2", "program", 0700).ok());
  ASSERT_TRUE(PlaceAgent(folder_ + "/incoming-2", digest).ok());
  struct stat info;
  ASSERT_EQ(stat(("kplan-agent-" + digest.substr(0, 16)).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, mode_t{0700});
  EXPECT_FALSE(std::filesystem::exists("incoming-2"));
}

}  // namespace
}  // namespace kplan
