"""The system's libraries and Bazel's own helper repositories, all from Debian packages: nothing is downloaded.

tools/install-deps names the packages.
"""

def _static_libs(names):
    return ["-l:lib%s.a" % name for name in names]

def _system_library(name, linkopts = []):
    """A repository @NAME//:NAME of a library whose headers are on the compiler's own search path."""
    native.new_local_repository(
        name = name,
        path = "/usr/share/bazel/tools/platforms",
        build_file_content = """
cc_library(
    name = "{name}",
    linkopts = {linkopts},
    visibility = ["//visibility:public"],
)
""".format(name = name, linkopts = repr(linkopts)),
    )

# What absl/status, strings, time, container and the like need, found by `pkg-config --static`; the linker takes
# from a static archive only the objects that are used, and the group makes the order of the archives irrelevant.
_ABSL = [
    "absl_bad_optional_access",
    "absl_bad_variant_access",
    "absl_base",
    "absl_city",
    "absl_civil_time",
    "absl_cord",
    "absl_cord_internal",
    "absl_cordz_functions",
    "absl_cordz_handle",
    "absl_cordz_info",
    "absl_debugging_internal",
    "absl_demangle_internal",
    "absl_exponential_biased",
    "absl_graphcycles_internal",
    "absl_hash",
    "absl_hashtablez_sampler",
    "absl_int128",
    "absl_log_severity",
    "absl_low_level_hash",
    "absl_malloc_internal",
    "absl_raw_hash_set",
    "absl_raw_logging_internal",
    "absl_spinlock_wait",
    "absl_stacktrace",
    "absl_status",
    "absl_statusor",
    "absl_str_format_internal",
    "absl_strerror",
    "absl_strings",
    "absl_strings_internal",
    "absl_symbolize",
    "absl_synchronization",
    "absl_throw_delegate",
    "absl_time",
    "absl_time_zone",
]

def kplan_dependencies():
    """Declares every repository that //... needs."""
    native.local_repository(name = "rules_java", path = "/usr/share/bazel/rules/java")
    native.local_repository(name = "rules_proto", path = "/usr/share/bazel/rules/proto")
    native.local_repository(name = "platforms", path = "/usr/share/bazel/tools/platforms")

    # Debian's rules_cc needs a newer Bazel than Debian's Bazel.
    native.local_repository(name = "rules_cc", path = "rules/rules_cc")

    # `bazel test` asks for the coverage generator even when no coverage is wanted.
    native.local_repository(name = "remote_coverage_tools", path = "rules/remote_coverage_tools")

    _system_library(
        "absl",
        linkopts = ["-Wl,--start-group"] + _static_libs(_ABSL) + ["-Wl,--end-group", "-lpthread"],
    )
    _system_library("openssl", linkopts = _static_libs(["ssl", "crypto"]) + ["-ldl", "-lpthread"])
    _system_library("yaml_cpp", linkopts = _static_libs(["yaml-cpp"]))
    _system_library("idn2", linkopts = _static_libs(["idn2", "unistring"]))
    _system_library("lowdown", linkopts = _static_libs(["lowdown", "bsd"]) + ["-lm"])
    _system_library("nlohmann_json")
    _system_library("archive", linkopts = _static_libs(["archive", "nettle", "z"]))
    _system_library("gtest", linkopts = ["-l:libgmock.a", "-l:libgtest.a", "-lpthread"])
    _system_library("gtest_main", linkopts = ["-l:libgmock_main.a", "-l:libgmock.a", "-l:libgtest.a", "-lpthread"])
