"""kplan help, and kplan init: what they print and write is what docs/ and examples/ say."""

import json
import os
import pathlib
import re
import subprocess

import pytest

import cli_terminal

KPLAN = os.environ.get("KPLAN", "kplan")
DOCS = pathlib.Path("docs").resolve()
EXAMPLES = pathlib.Path("examples").resolve()


def kplan(folder, *arguments, **environment):
    ran = subprocess.run(
        [KPLAN, *arguments], cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def helped(topic, *options):
    code, out, err = kplan("/", "help", *options, topic)
    assert (code, err) == (0, ""), f"{topic}: {err}"
    return out


def sections(page):
    """Heading -> text, of those one level below the title."""
    parts = re.split(r"^## (.*)\n", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def words(text):
    """What is left of Markdown or of its rendering: the words, so that wrapping and tables make no difference."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", re.sub(r"^\|[-|]*\|$", "", text, flags=re.MULTILINE))
    return sorted(re.findall(r"[\w./$<>={}:\[\]+-]+", text.replace("\\|", " ").replace("|", " ")))


def test_the_overview_is_grouped_and_names_every_command():
    code, out, err = kplan("/", "help")
    assert (code, err) == (0, "")
    assert re.findall(r"^(\S+(?: \S+)?)\n  `", out, re.MULTILINE) == ["To begin", "To look", "To run", "Certificates", "Help"]
    commands = set(re.findall(r"^  `kplan ([\w-]+)`", out, re.MULTILINE))
    assert commands == {title.removeprefix("kplan ") for title in sections("commands.md") if title.startswith("kplan ")}
    assert kplan("/", "--help") == kplan("/", "help")
    for command in commands:
        code, out, err = kplan("/", command, "--help")
        assert (code, err) == (0, "") and out.startswith(f"    kplan {command}"), command
        assert out in helped(command)


@pytest.mark.parametrize("page, prefix", [("commands.md", "kplan "), ("steps.md", ""), ("errors.md", "")])
def test_every_section_is_a_topic_with_the_same_words(page, prefix):
    for title, text in sections(page).items():
        out = helped(title.removeprefix(prefix).lower().replace(" ", "-"))
        missing = set(words(text)) - set(words(out))
        assert not missing, f"{page}: {title}"


def test_every_kind_of_step_has_a_section():
    kinds = ("key csr ca-cert adopt-ca cert requests crl bundle fetch unpack render source host send dir install unit sysusers "
             "activate install-pair service check trust trust-part survey-etcd rollout-etcd restore-etcd verify-etcd")
    assert list(sections("steps.md")) == kinds.split()


@pytest.mark.parametrize("key, said", [
    ("etcd.flags", "flags"), ("certs.hosts", "DNS names"), ("certs.NAME.hosts", "DNS names"), ("hosts.service-manager", "systemd"),
    ("ca", "CN")])
def test_keys(key, said):
    assert said in helped(key)


def test_a_word_that_is_several_topics_prints_all():
    out = helped("certs")
    assert "kplan certs [-C DIR]" in out and "(a key of cluster.yaml)" in out


@pytest.mark.parametrize("wrong, meant", [("gne", "gen"), ("unknown-kye", "unknown-key"), ("instal-pair", "install-pair"), ("etcd.flag", "etcd.flags")])
def test_a_topic_that_is_none(wrong, meant):
    code, out, err = kplan("/", "help", wrong)
    assert (code, out) == (64, "")
    assert f'there is no topic "{wrong}"; did you mean "{meant}"?' in err and "--search" in err


def test_search():
    for option in (["--search", "CRL"], ["-k", "crl"], ["--search=crl"]):
        code, out, err = kplan("/", "help", *option)
        assert (code, err) == (0, "")
        topics = [line.split()[0] for line in out.splitlines() if line[0] != " "]
        assert {"crl", "ca.crl-expiry", "given-ca"} <= set(topics) and "key" not in topics
    assert kplan("/", "help", "--search", "xyzzy") == (1, "", 'kplan: error: no topic has "xyzzy" in its text\n')


@pytest.mark.parametrize("columns, width", [(60, 60), (200, 100), (10, 40)])
def test_help_fits_the_terminal(columns, width):
    for topic in ("gen", "unknown-key", "install"):
        shown, _ = cli_terminal.on_terminal("/", "help", topic, columns=columns, NO_COLOR="1")
        lines = [line for line in shown.splitlines() if not line.startswith("    ")]  # code stays as it is
        assert max(map(len, lines)) <= width and max(map(len, lines)) > width / 2
        assert "\033" not in shown
    shown, _ = cli_terminal.on_terminal("/", "help", "gen")
    assert "\033[1mDIR/build.ninja\033[0m" in shown and "`" not in shown


def test_errors_of_commands_look_like_those_of_the_file(tmp_path):
    shown, code = cli_terminal.on_terminal(tmp_path, "check", "cluster.yaml")
    assert code == 1 and shown.startswith("\033[1mkplan:\033[0m \033[1;31merror: \033[0mcannot open cluster.yaml")
    shown, code = cli_terminal.on_terminal(tmp_path, "check", "a", "b", NO_COLOR="1")
    assert code == 64 and shown == "kplan check: error: takes 0 to 1 argument, not 2\nusage: kplan check [--format text|github|sarif|json] [--json] [cluster.yaml]\n"


# kplan init


def test_init_writes_a_good_cluster(tmp_path):
    code, out, err = kplan(tmp_path, "init")
    assert (code, err) == (0, "")
    assert out == "wrote cluster.yaml\nnext: edit it, then\n  kplan check cluster.yaml\n  kplan gen cluster.yaml && ninja\n"
    assert os.listdir(tmp_path) == ["cluster.yaml"]
    text = (tmp_path / "cluster.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=")
    assert kplan(tmp_path, "check", "cluster.yaml") == (0, "cluster.yaml is good: 17 steps on 1 host\n", "")
    assert kplan(tmp_path, "init", "--from", "tutorial", "other.yaml")[0] == 0
    assert (tmp_path / "other.yaml").read_text(encoding="utf-8") == text


def test_the_starter_is_the_tutorials_cluster(tmp_path):
    """Its graph is that of examples/tutorial; with its comments taken for keys it is still the same: they are the defaults."""
    assert kplan(tmp_path, "init")[0] == 0
    text = (tmp_path / "cluster.yaml").read_text(encoding="utf-8")
    defaults = re.sub(r"^(  +)# (root|service-manager|arch|key|expiry|CN|profile): ", r"\1\2: ", text, flags=re.MULTILINE)
    defaults = defaults.replace("worker: {}", "worker:")
    assert len(re.findall(r"(?m)^ +(root|service-manager|arch|key|expiry|CN|profile): ", defaults)) >= 9
    (tmp_path / "defaults.yaml").write_text(defaults, encoding="utf-8")
    graphs = []
    for name, spec in (("a", tmp_path / "cluster.yaml"), ("b", tmp_path / "defaults.yaml"), ("c", EXAMPLES / "tutorial/cluster.yaml")):
        code, _, err = kplan(tmp_path, "gen", "-C", name, str(spec))
        assert (code, err) == (0, ""), err
        steps = tmp_path / name / ".kplan/steps"
        graphs.append({path.name: path.read_text() for path in steps.iterdir()})
        graphs[-1]["plan"] = json.loads((tmp_path / name / ".kplan/plan.json").read_text())
    assert graphs[0] == graphs[2]
    assert graphs[1] == graphs[2]


def test_the_starter_of_three_members_is_the_example(tmp_path):
    code, out, err = kplan(tmp_path, "init", "--from=three-members", "prod.yaml")
    assert (code, err) == (0, "")
    assert "kplan check prod.yaml" in out
    assert (tmp_path / "prod.yaml").read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=")
    code, out, _ = kplan(tmp_path, "check", "--json", "prod.yaml")
    assert (code, json.loads(out)["diagnostics"]) == (0, [])
    # A new cluster waits for the network and the clock after a boot; that line in an old one would restart its members.
    order = "    Unit: {Wants: [network-online.target, time-sync.target], After: [network-online.target, time-sync.target]}\n"
    starter = (tmp_path / "prod.yaml").read_text(encoding="utf-8")
    assert order in starter
    (tmp_path / "prod.yaml").write_text(starter.replace(order, ""), encoding="utf-8")
    graphs = []
    for name, spec in (("starter", tmp_path / "prod.yaml"), ("example", EXAMPLES / "cluster/cluster.yaml")):
        code, _, err = kplan(tmp_path, "gen", "-C", name, str(spec))
        assert (code, err) == (0, ""), err
        steps = tmp_path / name / ".kplan/steps"
        graphs.append({path.name: path.read_text() for path in steps.iterdir()})
    assert graphs[0] == graphs[1]
    assert len(graphs[0]) == 4, "a shard a host, and the one that they share"


def test_init_replaces_nothing(tmp_path):
    (tmp_path / "cluster.yaml").write_text("mine", encoding="utf-8")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("cluster.yaml", "dangling"):
        code, out, err = kplan(tmp_path, "init", name)
        assert (code, out) == (1, "")
        assert err == f"kplan: error: {name} is there already, and init replaces no file; name another one: kplan init FILE\n"
    assert (tmp_path / "cluster.yaml").read_text(encoding="utf-8") == "mine"
    assert sorted(os.listdir(tmp_path)) == ["cluster.yaml", "dangling"]
    code, _, err = kplan(tmp_path, "init", "--from", "tutorials")
    assert code == 64 and '--from cannot be "tutorials"; did you mean "tutorial"?' in err
