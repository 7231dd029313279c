"""Rules for those who keep a cluster.yaml in a Bazel workspace.

    load("@kplan//rules:kplan.bzl", "kplan_golden_test", "kplan_graph")

    kplan_graph(
        name = "graph",
        spec = "cluster.yaml",
    )

    kplan_golden_test(
        name = "golden_test",
        golden = "golden",
        graph = ":graph",
    )

`bazel build :graph` fails, with kplan's own error, when the spec is wrong; `bazel test :golden_test` when what it stands
for has changed, and shows the change; `bazel run :golden_test.update` accepts it. So a review sees every step that a
change of the spec adds, drops or alters.
"""

KplanGraphInfo = provider(
    doc = "What `kplan gen` made of a spec.",
    fields = {
        "folder": "File: a folder with cluster.yaml, build.ninja and .kplan, ready for ninja -n.",
        "spec": "File: the spec it was made from.",
    },
)

def _kplan_graph_impl(ctx):
    folder = ctx.actions.declare_directory(ctx.label.name)

    # The spec is copied in, so that no path of this machine, nor of Bazel's, is in what gen writes.
    ctx.actions.run_shell(
        mnemonic = "KplanGen",
        progress_message = "Generating the graph of %s" % ctx.file.spec.short_path,
        inputs = [ctx.file.spec],
        tools = [ctx.attr.kplan[DefaultInfo].files_to_run],
        outputs = [folder],
        arguments = [ctx.executable.kplan.path, ctx.file.spec.path, folder.path],
        command = """set -eu
kplan=$PWD/$1
cp "$2" "$3/cluster.yaml"
chmod 0644 "$3/cluster.yaml"
cd "$3"
"$kplan" gen --kplan kplan cluster.yaml
""",
        execution_requirements = {"block-network": "1"},
    )
    return [
        DefaultInfo(files = depset([folder]), runfiles = ctx.runfiles([folder])),
        KplanGraphInfo(folder = folder, spec = ctx.file.spec),
    ]

kplan_graph = rule(
    implementation = _kplan_graph_impl,
    doc = """Runs `kplan gen` on a spec: hermetically, without network, host or clock.

The output is one folder, named like the target: cluster.yaml, build.ninja and .kplan with the records of all steps.
It names the kplan to run as `kplan`, as found in PATH.""",
    attrs = {
        "spec": attr.label(
            doc = "The cluster.yaml.",
            allow_single_file = True,
            mandatory = True,
        ),
        "kplan": attr.label(
            doc = "The kplan to generate with.",
            default = Label("//:kplan"),
            executable = True,
            # The configuration of the build itself: an exec kplan would be all of it compiled a second time, for a
            # machine that is the same one.
            cfg = "target",
        ),
    },
)

def kplan_golden_test(name, golden, graph = None, spec = None, **kwargs):
    """Tests that a spec still gives the checked-in build.ninja and records.

    Also declares NAME.update, to be run with `bazel run`, which makes the checked-in files those of today.

    Args:
      name: the test's name.
      golden: a folder of this package: build.ninja and .kplan as `kplan gen` writes them.
      graph: the kplan_graph to look at.
      spec: instead of graph: a cluster.yaml; NAME.graph is declared for it.
      **kwargs: what else a test takes (tags, visibility, ...).
    """
    if (graph == None) == (spec == None):
        fail("kplan_golden_test: give either graph or spec")
    if spec != None:
        graph = ":%s.graph" % name
        kplan_graph(
            name = name + ".graph",
            spec = spec,
            testonly = True,
        )
    target = "//%s:%s" % (native.package_name(), name)
    folder = "%s/%s" % (native.package_name(), golden) if native.package_name() else golden
    script = str(Label("//rules:golden.sh"))
    native.sh_test(
        name = name,
        size = "small",
        srcs = [script],
        args = ["test", target, "$(rootpath %s)" % graph, folder],
        data = [graph] + native.glob([golden + "/**"]),
        **kwargs
    )
    native.sh_binary(
        name = name + ".update",
        testonly = True,
        srcs = [script],
        args = ["update", target, "$(rootpath %s)" % graph, folder],
        data = [graph],
        tags = ["manual"],
    )
