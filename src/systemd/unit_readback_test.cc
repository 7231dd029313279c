#include "src/systemd/unit_readback.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"

namespace kplan {
namespace {

// As `systemctl show` of systemd 252 shows kUnit.
constexpr char kUnit[] = R"([Unit]
Description=a "q" 'x' %% \x41 $HOME
Documentation=https://github.com/coreos man:x(1)

[Service]
Type=notify
ExecStartPre=-/bin/true a
ExecStart=/bin/sleep "a b" \
  "c\"d'e" \
  $$x "100%%" "" ";x"
ExecReload=@/bin/kill kill -HUP $MAINPID
Environment=A=b "B=c d" C=100%% "D=q\"'\\ $x`" E=
Environment=B=second
EnvironmentFile=-/etc/x.env
EnvironmentFile=/etc//y.env
User=nobody
WorkingDirectory=-/tmp/
StandardOutput=append:/tmp/x%%y
UMask=77
LimitNOFILE=65536
StateDirectory=a b
PrivateTmp=1
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
)";
constexpr char kShown[] = R"(Type=notify
Restart=on-failure
ExecStartPre={ path=/bin/true ; argv[]=/bin/true a ; ignore_errors=yes ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
ExecStart={ path=/bin/sleep ; argv[]=/bin/sleep a b c"d'e $$x 100%  ;x ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
ExecReload={ path=/bin/kill ; argv[]=kill -HUP $MAINPID ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
Environment=A=b C=100% "D=q\"'\\ \$x\`" E= B=second
EnvironmentFiles=/etc/x.env (ignore_errors=yes)
EnvironmentFiles=/etc/y.env (ignore_errors=no)
UMask=0077
LimitNOFILE=65536
WorkingDirectory=!/tmp
StandardOutput=append
User=nobody
Group=
StateDirectory=a b
PrivateTmp=yes
Documentation=https://github.com/coreos man:x(1)
Description=a "q" 'x' % \x41 $HOME
DropInPaths=
)";

// "KEY: WANTED / GOT" of each.
std::string Differences(const std::string& text, const std::string& shown) {
  return absl::StrJoin(CompareUnit(text, shown), "; ",
                       [](std::string* out, const UnitDifference& difference) {
                         absl::StrAppend(out, difference.key, ": ", difference.wanted, " / ", difference.got);
                       });
}

std::string Shown(const char* from, const char* to) {
  std::string shown = absl::StrReplaceAll(kShown, {{from, to}});
  EXPECT_NE(shown, kShown) << from;
  return shown;
}

TEST(CompareUnit, WhatSystemdShowsOfTheSame) { EXPECT_EQ(Differences(kUnit, kShown), ""); }

TEST(CompareUnit, NamesWhatDiffers) {
  EXPECT_EQ(Differences(kUnit, Shown("User=nobody", "User=root")), "User: nobody / root");
  EXPECT_EQ(Differences(kUnit, Shown("User=nobody", "User=")), "User: nobody / ");
  EXPECT_EQ(Differences(kUnit, Shown("Type=notify", "Type=simple")), "Type: notify / simple");
  EXPECT_EQ(Differences(kUnit, Shown("100%  ;x", "100% ;x")),
            "ExecStart: argv[]=/bin/sleep a b c\"d'e $$x 100%  ;x ; ignore_errors=no / "
            "argv[]=/bin/sleep a b c\"d'e $$x 100% ;x ; ignore_errors=no");
  EXPECT_EQ(Differences(kUnit, Shown("B=second", "\"B=c d\"")),
            "Environment: A=b, B=second, C=100%, D=q\"'\\ $x`, E= / "
            "A=b, B=c d, C=100%, D=q\"'\\ $x`, E=");
  EXPECT_EQ(Differences(kUnit, Shown("y.env (ignore_errors=no)", "y.env (ignore_errors=yes)")),
            "EnvironmentFile: /etc/x.env (ignore_errors=yes), /etc/y.env (ignore_errors=no) / "
            "/etc/x.env (ignore_errors=yes), /etc/y.env (ignore_errors=yes)");
  EXPECT_EQ(Differences(kUnit, Shown("WorkingDirectory=!/tmp", "WorkingDirectory=/tmp")),
            "WorkingDirectory: !/tmp / /tmp");
  EXPECT_EQ(Differences(kUnit, Shown("PrivateTmp=yes", "PrivateTmp=no")), "PrivateTmp: yes / no");
  EXPECT_EQ(Differences(kUnit, Shown("UMask=0077", "UMask=0022")), "UMask: 0077 / 0022");
}

TEST(CompareUnit, ACommandThatIsNotInTheTextIsOne) {
  const std::string more = absl::StrCat(
      kShown, "ExecStartPost={ path=/bin/x ; argv[]=/bin/x ; ignore_errors=no ; start_time=[n/a] }\n");
  EXPECT_EQ(Differences(kUnit, more), "ExecStartPost:  / argv[]=/bin/x ; ignore_errors=no");
  EXPECT_EQ(Differences(kUnit, absl::StrReplaceAll(more, {{"DropInPaths=", "DropInPaths=/etc/x.conf"}})), "");
}

TEST(CompareUnit, DropInsMayAddButNotTakeAway) {
  const std::string added = Shown("Environment=A=b", "Environment=Z=1 A=b");
  EXPECT_NE(Differences(kUnit, added), "");
  EXPECT_EQ(Differences(kUnit, absl::StrReplaceAll(added, {{"DropInPaths=", "DropInPaths=/etc/x.conf"}})),
            "");
  const std::string changed = absl::StrReplaceAll(Shown("A=b", "A=c"), {{"DropInPaths=", "DropInPaths=/x"}});
  EXPECT_THAT(Differences(kUnit, changed), testing::HasSubstr("Environment: "));
}

TEST(CompareUnit, LeavesOutWhatItCannotKnow) {
  // Specifiers, a property that an older systemd has not, a key that is taken back.
  EXPECT_EQ(Differences("[Unit]\nDescription=of %i\n[Service]\nProcSubset=pid\nUser=a\nUser=\n",
                        "Description=of 1\nUser=\n"),
            "");
  EXPECT_NE(Differences("[Unit]\nDescription=of %%i\n", "Description=of 1\n"), "");
}

TEST(CompareUnit, WhatIsNoUnit) { EXPECT_NE(Differences("x", kShown), ""); }

}  // namespace
}  // namespace kplan
