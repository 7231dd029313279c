#ifndef KPLAN_ETCD_FACTS_ETCD_LAYOUT_H_
#define KPLAN_ETCD_FACTS_ETCD_LAYOUT_H_

// What etcd 3.4 to 3.6 calls what it makes (server/config: MemberDir, WALDir, SnapDir).

namespace kplan {
namespace etcd_layout {

inline constexpr char kMember[] = "member";  // in the data folder
inline constexpr char kWal[] = "wal";        // in that, unless --wal-dir says another place
inline constexpr char kSnap[] = "snap";      // likewise, and always there

}  // namespace etcd_layout
}  // namespace kplan

#endif  // KPLAN_ETCD_FACTS_ETCD_LAYOUT_H_
