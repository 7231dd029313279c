"""The page of `kplan graph --format=html`, used in headless Chromium as a person would: opened from a file, searched,
clicked, filtered; with 25 steps and with 2,500, and with texts that would rather be programs."""

import collections
import html
import json
import os
import pathlib
import re
import struct
import subprocess
import zlib

import pytest

import browser
import cluster as clusters
import harness

if not (browser.CHROMIUM.exists() and browser.DRIVER.exists()):
    pytest.skip("needs chromium and chromedriver (tools/install-deps test)", allow_module_level=True)

DATA = re.compile(r'(<script type="application/json" id="data">)(.*?)(</script>)', re.DOTALL)


def spec_of(hosts, certs):
    """An etcd on the first of so many hosts, which are folders; each host has so many certificates of its own."""
    lines = ["ca: {CN: ca, key: {algo: ecdsa, size: 256}}", "certs:"]
    for cert in ("server", "peer", "client", "proxy", "backup")[:certs]:
        lines.append(f"  {cert}: {{per: host, hosts: [$name, $address, 127.0.0.1, {cert}.example.com], key: {{algo: ecdsa, size: 256}}}}")
    lines.append("hosts:")
    for i in range(hosts):
        lines.append(f"  etcd-{i:03d}: {{address: 10.0.{i >> 8}.{i & 255}, root: ./hosts/etcd-{i:03d}, service-manager: none}}")
    lines += ["etcd:", "  version: 3.4.15", "  members: [etcd-000]", "  cert: server"]
    return "\n".join(lines) + "\n"


def make_project(hosts, certs):
    folder = harness.make_folder("graph")
    project = harness.Project(folder, harness.Here(), harness.KPLAN)
    project.spec = spec_of(hosts, certs)
    return project


def graph(project, form, *args):
    return project.run(harness.KPLAN, "graph", f"--format={form}", "--spec", "cluster.yaml", *args).ok().out


def write_page(project, name="graph.html", *args):
    project.run(harness.KPLAN, "graph", "--format=html", "--spec", "cluster.yaml", "--output", name, *args).ok()
    return project.path(name)


def data_of(path):
    return json.loads(DATA.search(path.read_text(encoding="utf-8")).group(2))


def with_data(path, data):
    """A copy of the page at PATH with other data, written as kplan writes it."""
    text = json.dumps(data)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    other = path.with_name("other.html")
    page = path.read_text(encoding="utf-8")
    other.write_text(DATA.sub(lambda match: match.group(1) + text + match.group(3), page), encoding="utf-8")
    return other


@pytest.fixture(name="driver", scope="module")
def fixture_driver(tmp_path_factory):
    with browser.chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture(name="small", scope="module")
def fixture_small():
    """25 steps: the certificates of two hosts are made, the rest is not; then the server certificates get another host name."""
    project = make_project(2, 2)
    project.gen().ok()
    project.ninja("pki").ok()
    project.edit_spec("server.example.com]", "server-2.example.com]")
    return project


@pytest.fixture(name="page", scope="function")
def fixture_page(driver, small):
    page = browser.Page(driver, write_page(small))
    yield page
    assert page.messages() == []
    assert [url for url in page.requests() if not url.startswith("file:///")] == []


def states(nodes):
    return collections.Counter(node["state"] for node in nodes)


def test_opens_from_a_file_without_network_and_without_complaints(page, small):
    assert len(page.boxes()) == len(json.loads(graph(small, "json"))["nodes"]) >= 25
    assert page.requests() == [f"file://{small.path('graph.html')}"]
    assert page.messages() == []


def test_states_are_those_of_the_json(page, small):
    nodes = json.loads(graph(small, "json"))["nodes"]
    expected = states(nodes)
    assert expected["stale"] > 0 and expected["fresh"] > 0
    assert page.counts() == {state: expected[state] for state in ("fresh", "stale", "failed", "waiting", "unknown")}
    for label, box in page.boxes().items():
        (node,) = [node for node in nodes if node["label"] == label]
        assert node["state"] in box["classes"], label


def test_every_label_can_be_read_at_the_start(page, small):
    boxes = page.boxes()
    labels = {node["label"] for node in json.loads(graph(small, "json"))["nodes"]}
    assert boxes.keys() == labels
    size = page.find("#graph").size
    for label, box in boxes.items():
        assert box["font"] >= 8.5, label
        assert box["width"] / 2 <= box["at"]["x"] <= size["width"] - box["width"] / 2, label
        assert box["height"] / 2 <= box["at"]["y"] <= size["height"] - box["height"] / 2, label
        # As wide as the browser draws it, it fits its box.
        assert 0 < box["text_width"] <= box["width"], label
    # None covers another one.
    places = sorted((round(box["at"]["x"]), box["at"]["y"], box["height"]) for box in boxes.values())
    for (x, y, height), (next_x, next_y, _) in zip(places, places[1:]):
        assert x != next_x or next_y - y >= height


def test_search_finds_and_jumps(page, small):
    labels = sorted(label for label in (node["label"] for node in json.loads(graph(small, "json"))["nodes"]) if "server" in label)
    assert len(labels) >= 3
    page.type("server")
    assert page.hits() == f"{len(labels)} hits"
    assert page.with_class("hit") == labels
    seen = []
    for i in range(len(labels)):
        page.type(browser.ENTER)
        harness.wait_for("jump", lambda i=i: page.hits() == f"{i + 1} of {len(labels)} hits" and page.selected() not in seen)
        seen.append(page.selected())
    assert sorted(seen) == labels
    page.type(browser.ENTER)
    harness.wait_for("jump around", lambda: page.selected() == seen[0])
    page.press(browser.ESCAPE)
    assert page.hits() == "" and page.find("#search").get_attribute("value") == ""
    assert page.with_class("hit") == []
    page.press(browser.ESCAPE)
    harness.wait_for("no selection", lambda: page.selected() == "")


@pytest.mark.parametrize("words, field, value", [("etcd-000", "host", "etcd-000"), ("install", "verb", "INSTALL")])
def test_search_looks_at_host_and_verb(page, small, words, field, value):
    wanted = sorted(node["label"] for node in json.loads(graph(small, "json"))["nodes"]
                    if node[field] == value or words in node["label"])
    page.type(words)
    assert page.with_class("hit") == wanted


def test_search_without_a_hit_says_so(page):
    page.type("nothing-of-the-sort")
    assert page.hits() == "0 hits"
    page.type(browser.ENTER)
    assert page.selected() == ""


def test_a_click_shows_details_causes_and_dependents(page, small):
    nodes = {node["label"]: node for node in json.loads(graph(small, "json"))["nodes"]}
    label = "cert/etcd-000/server"
    node = nodes[label]
    assert node["state"] == "stale"
    page.click_step(label)
    details = page.find("#details").text
    for text in (label, "stale", "SIGN", "etcd-000", *node["reasons"]):
        assert text in details
    assert page.reasons() == node["reasons"]
    assert page.links("Made from") == node["inputs"]
    assert page.links("Used by") == [other for other in nodes if label in nodes[other]["inputs"]]
    # What it is made from and is stale, too, is the cause; the key and the CA are fresh.
    assert nodes["csr/etcd-000/server"]["state"] == "stale"
    assert page.links("Causes") == page.with_class("cause") == ["csr/etcd-000/server"]
    assert page.edges("cause") == [("csr/etcd-000/server", label)]
    assert page.with_class("selected") == [label]

    def users_of(found):
        more = {other for other in nodes if found & set(nodes[other]["inputs"])} - found
        return users_of(found | more) if more else found

    assert page.with_class("dependent") == sorted(users_of({label}) - {label})
    # The record, which has no secrets, is there to be read.
    assert "server-2.example.com" in details


def test_links_of_the_details_lead_on_and_back(page):
    page.click_step("cert/etcd-000/server")
    page.find('#details a[href="#label=ca%2Fcert"]').click()
    harness.wait_for("the CA", lambda: page.selected() == "ca/cert")
    page.driver.back()
    harness.wait_for("the certificate", lambda: page.selected() == "cert/etcd-000/server")


def test_filter_by_state(page, small):
    nodes = json.loads(graph(small, "json"))["nodes"]
    stale = sorted(node["label"] for node in nodes if node["state"] == "stale")
    page.filter("stale")
    assert sorted(label for label, box in page.boxes().items() if "faded" not in box["classes"]) == stale
    # What the search finds is stale, too.
    page.type("key/")
    keys = [label for label in stale if "key/" in label]
    assert page.with_class("hit") == keys
    page.press(browser.ESCAPE)
    page.filter("stale")
    assert page.with_class("faded") == []


@pytest.mark.parametrize("label", ["cert/etcd-000/server", "file/etcd-000/etc/etcd/ca.pem"])
def test_a_hash_opens_the_step(driver, small, label):
    path = write_page(small)
    for fragment in (f"#label={label}", f"#label={label.replace('/', '%2F')}"):
        page = browser.Page(driver, path, fragment)
        assert page.selected() == label
        assert page.with_class("selected") == [label]
        assert page.messages() == []


def test_a_hash_that_is_nobody_says_so(driver, small):
    page = browser.Page(driver, write_page(small), "#label=%3Cimg%20src%3Dx%3E%")
    assert "%3Cimg%20src%3Dx%3E%" in page.selected()
    assert page.find_all("#details img") == []
    assert page.messages() == []


def test_by_keys_alone(page):
    page.press("/")
    page.press("cert/etcd-000/server")
    page.press(browser.ENTER)
    harness.wait_for("the certificate", lambda: page.selected() == "cert/etcd-000/server")
    page.driver.execute_script("document.getElementById('graph').focus()")
    made_from = page.links("Made from")[0]
    page.press(browser.LEFT)
    harness.wait_for("what it is made from", lambda: page.selected() == made_from)
    used_by = page.links("Used by")[0]
    page.press(browser.RIGHT)
    harness.wait_for("what that is used by", lambda: page.selected() == used_by)
    reached = set()
    for _ in range(30):
        page.press(browser.TAB)
        active = page.driver.switch_to.active_element
        reached.add(active.get_attribute("id") or active.get_attribute("data-word") or active.get_attribute("title"))
    assert {"search", "stale", "fresh", "fit", "graph", "shared", "etcd-000"} <= reached


def test_part_of_the_graph(driver, small):
    page = browser.Page(driver, write_page(small, "part.html", "key/etcd-000/peer"))
    labels = {node["label"] for node in json.loads(graph(small, "json", "key/etcd-000/peer"))["nodes"]}
    assert page.boxes().keys() == labels and "key/etcd-000/server" not in labels
    assert "around key/etcd-000/peer" in page.find("#summary").text


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark(driver, small, dark):
    scheme = {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    try:
        page = browser.Page(driver, write_page(small))
        luminance, text = page.driver.execute_script("""
            const sum = (colour) => colour.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0);
            const name = document.querySelector("#boxes .stale .name");
            return [sum(getComputedStyle(document.body).backgroundColor), sum(getComputedStyle(name).fill)];""")
        assert (luminance < 200) == dark and (text > 500) == dark
        assert page.messages() == []
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "<!--<script>",
    "\"'`${window.hacked = 1}",
    "javascript:window.hacked=1",
    "\u2028window.hacked = 1\u2029",
    "__proto__",
    "a & b &lt;i&gt; \\u003cb\\u003e",
]


def test_hostile_texts_stay_texts(driver, small):
    path = write_page(small)
    data = data_of(path)
    for i, step in enumerate(data["steps"]):
        text = HOSTILE[i % len(HOSTILE)]
        step["label"] = f"{text}{i}"
        step["name"] = text
        step["reasons"] = HOSTILE
        step["ran"] = text
        step["record"] = {text: text, "list": HOSTILE}
    data["hosts"] = [HOSTILE[i % len(HOSTILE)] for i in range(len(data["hosts"]))]
    data["around"] = data["title"] = HOSTILE[0]
    for group in data["groups"]:
        group["name"] = HOSTILE[1]
    page = browser.Page(driver, with_data(path, data))
    for i in range(len(HOSTILE)):
        label = f"{HOSTILE[i]}{i}"
        driver.execute_script("location.hash = '#label=' + encodeURIComponent(arguments[0])", label)
        harness.wait_for(label, lambda label=label: driver.execute_script(
            "return document.querySelector('#details h2')?.textContent") == label)
        shown = driver.execute_script("return [...document.querySelectorAll('#details .reasons li')].map((li) => li.textContent)")
        assert shown == HOSTILE
    page.type("<img")
    assert driver.execute_script("return window.hacked") is None
    assert page.find_all("img, #details script, #hosts script") == []
    assert page.messages() == []
    assert [url for url in page.requests() if not url.startswith("file:///")] == []


def test_a_script_that_got_in_would_be_refused(driver, small):
    """The last line of defence, seen to hold: markup put into the page by force does not run."""
    page = browser.Page(driver, write_page(small))
    driver.execute_script("""
        const div = document.createElement("div");
        div.innerHTML = "<img src='file:///x' onerror='window.hacked = 1'>";
        document.body.append(div);
        const script = document.createElement("script");
        script.textContent = "window.hacked = 2";
        document.body.append(script);""")
    refused = harness.wait_for("refusals", lambda: [text for text in page.messages() if "Content Security Policy" in text])
    assert len(refused) >= 2
    assert driver.execute_script("return window.hacked") is None


@pytest.fixture(name="large", scope="module")
def fixture_large():
    project = make_project(170, 5)
    project.gen().ok()
    return project


def test_2500_steps(driver, large):
    nodes = json.loads(graph(large, "json"))["nodes"]
    assert 2400 <= len(nodes) <= 2700
    page = browser.Page(driver, write_page(large))
    expected = states(nodes)
    assert page.counts() == {state: expected[state] for state in ("fresh", "stale", "failed", "waiting", "unknown")}
    # What hosts share, the member, and all others as one: everything is in sight, and can be read.
    assert list(page.hosts()) == ["shared", "etcd-000"] and all(page.hosts().values())
    assert page.groups() == {"no service": False}
    alike = page.alike()
    others = [node for node in nodes if node["host"] not in ("shared", "etcd-000")]
    assert alike.keys() == {node["label"].replace(node["host"], "*") for node in others}
    assert all(box["pills"] == ["\u00d7169"] and box["font"] >= 8.5 for box in alike.values())
    size = page.find("#graph").size
    assert all(0 < box["at"]["y"] < size["height"] and 0 < box["at"]["x"] < size["width"] for box in alike.values())
    shown = page.boxes()
    assert shown.keys() == {node["label"] for node in nodes if node["host"] in ("shared", "etcd-000")}

    # One by one they are rows of cells, which count the steps of each.
    page.find('#hosts button[title="no service"]').click()
    assert page.groups() == {"no service": True} and page.alike() == {}
    cells = page.cells()
    assert len(cells) > 20 and all(cell["font"] >= 8.5 for cell in cells.values())
    of_one = [cell["text"] for key, cell in cells.items() if key.startswith("h2.")]
    assert sum(int(re.findall(r"\d+", text)[-1]) for text in of_one) == sum(node["host"] == "etcd-001" for node in nodes)
    page.find('#hosts button[title="etcd-001"]').click()
    assert page.hosts()["etcd-001"]
    assert page.boxes().keys() - shown.keys() == {node["label"] for node in nodes if node["host"] == "etcd-001"}
    page.find('#hosts button[title="etcd-001"]').click()
    assert page.boxes().keys() == shown.keys()
    page.find('#hosts button[title="no service"]').click()
    assert page.alike().keys() == alike.keys()

    # A search opens the host of its hit and goes there.
    page.type("etcd-123 sign peer")
    assert page.hits() == "1 hit"
    page.type(browser.ENTER)
    harness.wait_for("the certificate", lambda: page.selected() == "cert/etcd-123/peer")
    box = page.boxes()["cert/etcd-123/peer"]
    assert 0 < box["at"]["y"] < page.find("#graph").size["height"] and box["font"] >= 8.5
    assert page.hosts()["etcd-123"]
    assert "selected" in box["classes"]
    page.press(browser.ESCAPE)
    page.press(browser.ESCAPE)
    harness.wait_for("no selection", lambda: page.selected() == "")
    assert page.messages() == []


def test_alike_steps_are_told_as_one(driver, large):
    path = write_page(large)
    data = data_of(path)
    for step in data["steps"]:
        step["state"] = "failed" if step["label"] == "cert/etcd-007/peer" else "fresh"
        step["reasons"] = ["cert/etcd-007/peer is damaged"] if step["state"] == "failed" else []
    page = browser.Page(driver, with_data(path, data))
    box = page.alike()["cert/*/peer"]
    assert "failed" in box["classes"] and box["pills"] == ["1 of 169"]
    assert "fresh" in page.alike()["cert/*/server"]["classes"]
    page.click_at(box["at"])
    harness.wait_for("details", lambda: page.selected() == "cert/*/peer")
    assert page.driver.execute_script("return location.hash") == "#alike=cert%2Fetcd-001%2Fpeer"
    # The worst comes first, and what they have in common is said once.
    assert page.links("On")[:2] == ["cert/etcd-007/peer", "cert/etcd-001/peer"]
    assert page.reasons() == ["cert/*/peer is damaged (1)"]
    assert "169: etcd-001 \u2026 etcd-169" in page.find("#details").text
    assert "selected" in page.alike()["cert/*/peer"]["classes"]
    page.find('#details a[href="#label=cert%2Fetcd-007%2Fpeer"]').click()
    harness.wait_for("the one", lambda: page.selected() == "cert/etcd-007/peer")
    assert page.hosts()["etcd-007"]
    page.driver.back()
    harness.wait_for("all of them", lambda: page.selected() == "cert/*/peer")
    assert page.messages() == []


def test_2500_steps_stay_fast(driver, large):
    page = browser.Page(driver, write_page(large))
    page.find('#hosts button[title="no service"]').click()
    longest = page.driver.execute_async_script("""
        const done = arguments[0];
        const graph = document.getElementById("graph");
        let frames = 0, longest = 0, last = performance.now();
        const step = () => {
          const now = performance.now();
          longest = Math.max(longest, now - last);
          last = now;
          if (++frames === 60) { done(longest); return; }
          graph.dispatchEvent(new WheelEvent("wheel", {deltaY: 90, cancelable: true}));
          requestAnimationFrame(step);
        };
        requestAnimationFrame(step);""")
    assert longest < 1000, "a frame of scrolling took so many ms"
    assert "etcd-001" not in page.hosts(), "it did not scroll"
    (loaded,) = page.driver.execute_script(
        "return performance.getEntriesByType('navigation').map((entry) => entry.loadEventEnd)")
    assert loaded < 10000


def test_filtering_2500_steps_leaves_the_hosts_with_hits(driver, large):
    path = write_page(large)
    data = data_of(path)
    failed = [step for step in data["steps"] if step["label"] in ("cert/etcd-150/peer", "key/etcd-007/peer")]
    for step in data["steps"]:
        step["state"] = "failed" if step in failed else "fresh"
        step["reasons"] = []
    page = browser.Page(driver, with_data(path, data))
    assert page.counts() == {"failed": 2, "fresh": len(data["steps"]) - 2, "stale": 0, "unknown": 0, "waiting": 0}
    page.filter("failed")
    assert page.hosts() == {"etcd-007": True, "etcd-150": True}
    assert page.groups() == {"no service": False}
    assert page.find("#summary").text.startswith(f"2 of {len(data['steps'])} steps")
    page.press(browser.ESCAPE)
    assert list(page.hosts()) == ["shared", "etcd-000"]
    assert page.messages() == []


def with_effects(path):
    """A copy of the page at PATH in which etcd-000 is restarted, and etcd-001's files are reloaded by a step about several."""
    data = data_of(path)
    first, second = [step for step in data["steps"] if step["verb"] in ("UNIT", "INSTALL")][:2]
    for step in data["steps"]:
        step["state"] = "fresh"
    first.update(state="stale", effect="restart")
    second.update(state="stale", effect="reload", touches=[["web on etcd-000", "reload"], ["web on etcd-001", "reload"], ["web on x", "start"]])
    return with_data(path, data), first["label"], second["label"]


def test_a_restart_is_shown_as_one(driver, small):
    path, restarts, reloads = with_effects(write_page(small))
    page = browser.Page(driver, path)
    boxes = page.boxes()
    assert boxes[restarts]["pills"] == ["restart"]
    assert boxes[reloads]["pills"] == ["reload \u00d72"]
    assert [label for label, box in boxes.items() if box["pills"]] == [label for label in boxes if label in (restarts, reloads)]
    # By more than its words: a restart is filled.
    fills = page.driver.execute_script("""
        return [".restart", ".reload"].map((kind) => getComputedStyle(document.querySelector(`#boxes .pill${kind} rect`)).fill);""")
    assert fills[0] != fills[1]
    assert {word: n for word, n in page.legend().items() if word in browser.EFFECTS} == {"restart": 1, "reload": 2, "start": 1}
    page.click_step(restarts)
    assert page.find("#details .effect.restart").text == "restarts"
    page.click_step(reloads)
    assert page.find("#details .effect.reload").text == "reloads web on etcd-000, web on etcd-001"
    assert page.find("#details .effect.start").text == "starts web on x"
    page.press(browser.ESCAPE)
    harness.wait_for("no selection", lambda: page.selected() == "")
    page.filter("restart")
    assert [label for label, box in page.boxes().items() if "faded" not in box["classes"]] == [restarts]
    assert page.messages() == []


def test_what_there_is_none_of_is_quiet(page):
    quiet = {button.get_attribute("data-word") for button in page.find_all("#legend button.none")}
    assert quiet == {word for word, n in page.legend().items() if n == 0} and {"failed", "restart"} <= quiet
    for button in page.find_all("#legend button.none"):
        assert not button.is_enabled()
        assert button.value_of_css_property("background-color") == "rgba(0, 0, 0, 0)"
        assert button.value_of_css_property("border-top-color") == "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize("spec_has, title", [("metadata: {name: prod}\n", "prod"), ("", None), ("metadata: {name: '<b>&amp;\u202e'}\n", "<b>&amp;\\xe2\\x80\\xae")])
def test_is_called_as_the_plan(driver, spec_has, title):
    project = make_project(1, 1)
    project.spec = spec_has + project.spec
    project.gen().ok()
    # Without a name it is the folder's.
    title = title or project.folder.name
    page = browser.Page(driver, write_page(project))
    assert page.find("h1").text == title
    assert driver.title == f"{title} - kplan graph"
    page = browser.Page(driver, write_page(project, "around.html", "ca/cert"))
    assert (page.find("h1").text, driver.title) == (title, f"ca/cert - {title} - kplan graph")
    assert page.messages() == []


def test_hosts_stand_by_their_services(driver):
    project = make_project(4, 2)
    project.edit_spec("members: [etcd-000]", "members: [etcd-000, etcd-002]")
    project.edit_spec("  cert: server", "  tls: {server: server, peer: peer, client: server}")
    project.gen().ok()
    page = browser.Page(driver, write_page(project))
    page.find("#toggle-rows").click()
    assert page.find("#toggle-rows").text == "open hosts"
    # Those of a group can be drawn as one by hand.
    assert page.groups() == {"etcd": False, "no service": False} and list(page.hosts()) == ["shared"]
    assert page.alike()["unit/*/etcd"]["pills"] == ["\u00d72"]
    page.find('#hosts button[title="etcd"]').click()
    assert page.groups()["etcd"] is True and "unit/*/etcd" not in page.alike()
    names = [button.get_attribute("title") for button in sorted(page.find_all("#hosts button"), key=lambda button: button.location["y"])]
    assert names == ["shared", "etcd", "etcd-000", "etcd-002", "no service"]
    assert page.messages() == []


def crossings(page):
    """How many edges of the picture go over a box that is not their own."""
    return page.driver.execute_script("""
        const boxes = [...document.querySelectorAll("#boxes .box")].map((box) => [box.dataset.id, box.querySelector(".frame").getBoundingClientRect()]);
        let crossings = 0;
        for (const edge of document.querySelectorAll("#edges .edge:not(.far)")) {
          const matrix = edge.getScreenCTM();
          const length = edge.getTotalLength();
          const over = new Set();
          for (let at = 0; at <= length; at += 2) {
            const {x, y} = edge.getPointAtLength(at).matrixTransform(matrix);
            for (const [id, box] of boxes) {
              const own = id === edge.dataset.from || id === edge.dataset.to;
              if (!own && x > box.left + 1 && x < box.right - 1 && y > box.top + 1 && y < box.bottom - 1) over.add(id);
            }
          }
          crossings += over.size;
        }
        return crossings;""")


def test_no_edge_of_a_host_goes_over_a_box(driver):
    """An all-new cluster, in which every edge is drawn."""
    project = make_project(3, 5)
    project.gen().ok()
    page = browser.Page(driver, write_page(project))
    assert len(page.edges("edge")) > 40
    assert crossings(page) == 0


def colours_of_png(path):
    """{(red, green, blue): pixels} of a PNG of 8 bits a sample without interlace (https://www.w3.org/TR/png/), which Chromium's are."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", content[16:29])
    size = {2: 3, 6: 4}[colour]
    assert (depth, interlace) == (8, 0)
    packed, at = b"", 8
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at:at + 8])
        packed += content[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    raw = zlib.decompress(packed)
    colours = collections.Counter()
    stride = width * size
    above = bytearray(stride)
    for y in range(height):
        kind, *line = raw[y * (stride + 1):(y + 1) * (stride + 1)]
        for i in range(stride if kind else 0):
            left, up, corner = (line[i - size], above[i], above[i - size]) if i >= size else (0, above[i], 0)
            nearest = min((left, up, corner), key=lambda each, sum=left + up - corner: abs(sum - each))
            line[i] = (line[i] + (0, left, up, (left + up) // 2, nearest)[kind]) & 255
        colours.update(zip(line[0::size], line[1::size], line[2::size]))
        above = line
    return colours


def test_is_drawn_with_the_first_frame(large, tmp_path):
    """No script of a test waits for it: what `chromium --screenshot` takes is the picture."""
    page = write_page(large)
    browser.first_frame(page, tmp_path / "first.png", tmp_path)
    colours = colours_of_png(tmp_path / "first.png")
    # The fill of what is stale; the legend alone has some 3,000 pixels of it.
    assert colours[(0xfd, 0xeb, 0xc3)] > 30000, colours.most_common(8)


@pytest.mark.parametrize("dark", [False, True])
def test_is_printed_whole_and_light_without_controls(small, large, tmp_path, dark):
    with browser.chromium(tmp_path, width=700, height=500, dark=dark) as driver:
        for project in (small, large):
            page = browser.Page(driver, write_page(project))
            before = page.boxes()
            shown = {box["text"] for box in [*before.values(), *page.alike().values()]}
            pdf = tmp_path / "page.pdf"
            pdf.write_bytes(browser.paper(driver))
            info = subprocess.run(["pdfinfo", pdf], capture_output=True, text=True, check=True).stdout
            assert re.search(r"^Pages: +1$", info, re.MULTILINE), info
            text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True).stdout
            assert {name for name in shown if name.split(" ")[-1] not in text} == set()
            for word in ("shared", "certificate", project.folder.name, "steps on"):
                assert word in text, word
            for word in ("Search", "fit", "hosts\n", "failed 0"):
                assert word not in text, word
            subprocess.run(["pdftoppm", "-r", "40", "-png", "-singlefile", pdf, tmp_path / "paper"], check=True)
            colours = colours_of_png(tmp_path / "paper.png")
            assert colours.most_common(1)[0][0] == (255, 255, 255)
            # On the screen it is as it was.
            assert page.boxes() == before
            assert page.messages() == []


def test_a_narrow_window_has_everything(small, tmp_path):
    with browser.chromium(tmp_path, width=420, height=760) as driver:
        page = browser.Page(driver, write_page(small))
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 420
        assert all(box["font"] >= 8.5 for box in page.boxes().values())
        label = "file/etcd-000/etc/etcd/ca.pem"
        page.type(label)
        page.type(browser.ENTER)
        harness.wait_for("the file", lambda: page.selected() == label)
        box = page.boxes()[label]
        size = page.find("#graph").size
        assert 0 < box["at"]["x"] < size["width"] and 0 < box["at"]["y"] < size["height"]
        assert page.messages() == []


def test_one_stale_chain_of_the_tutorial(tmp_path):
    """The picture of docs/graph.md, too: tools/screenshot sets KPLAN_SCREENSHOT to where it belongs."""
    with clusters.in_folder() as cluster:
        cluster.provision()
        project = cluster.project
        project.edit_spec("hosts: [worker, ", "hosts: [worker, etcd.example, ")
        out = project.run(project.kplan, "graph", "--format=json").ok().out
        nodes = {node["label"]: node for node in json.loads(out)["nodes"]}
        stale = {label for label, node in nodes.items() if node["state"] == "stale"}
        chain = {"csr/kubernetes", "cert/kubernetes", "file/worker/etc/etcd/kubernetes.pem", "verify/etcd"}
        assert stale == chain
        assert all(nodes[label]["state"] == "fresh" for label in nodes.keys() - chain)
        assert any("etcd.example" in reason for reason in nodes["cert/kubernetes"]["reasons"])
        edit = [reason for reason in nodes["verify/etcd"]["reasons"] if reason.startswith("because ")]
        assert len(edit) == 1 and edit[0].startswith("because certs.kubernetes.hosts: + etcd.example (cluster.yaml:"), edit
        project.run(project.kplan, "graph", "--format=html", "--output", "graph.html").ok()
        # A browser of its own: the picture shows what a person sees first, and the mouse is nowhere.
        with browser.chromium(tmp_path) as driver:
            page = browser.Page(driver, project.path("graph.html"), "#label=cert/kubernetes")
            assert page.counts() == {"stale": len(chain), "fresh": len(nodes) - len(chain), "failed": 0, "unknown": 0, "waiting": 0}
            assert page.links("Causes") == ["csr/kubernetes"]
            assert page.messages() == []
            picture = driver.get_screenshot_as_png()
        assert picture[16:24] == (1280).to_bytes(4, "big") + (800).to_bytes(4, "big")
        if target := os.environ.get("KPLAN_SCREENSHOT"):
            pathlib.Path(target).write_bytes(picture)


def test_dot_is_drawn_by_graphviz(small):
    small.path("graph.dot").write_text(graph(small, "dot"), encoding="utf-8")
    ran = small.run("dot", "-Tsvg", "graph.dot").ok()
    assert ran.err == ""
    labels = {node["label"] for node in json.loads(graph(small, "json"))["nodes"]}
    assert labels <= {html.unescape(text) for text in re.findall(r">([^<>]+)</text>", ran.out)}


MERMAID = re.compile(r"""
    flowchart\ LR\n
    (?:\ \ subgraph\ h\d+\["[^"\[\]]+"\]\n
       (?:\ \ \ \ n\d+\["[^"\[\]\n]+"\]:::(?:fresh|stale|failed|waiting|unknown)\n)+
       \ \ end\n)+
    (?:\ \ n\d+\ (?:-->|-\.->)\ n\d+\n)+
    (?:\ \ classDef\ (?:fresh|stale|failed|waiting|unknown)\ [a-z0-9:#, -]+\n){5}""", re.VERBOSE)


def test_mermaid_is_of_its_grammar(small):
    text = graph(small, "mermaid")
    assert MERMAID.fullmatch(text), text
    nodes = json.loads(graph(small, "json"))["nodes"]
    assert set(re.findall(r'^    n\d+\["(.*)"\]', text, re.MULTILINE)) == {node["label"] for node in nodes}
    assert len(re.findall(r" --> ", text)) == sum(len(node["inputs"]) for node in nodes)
    assert len(re.findall(r" -\.-> ", text)) == sum(len(node["after"]) for node in nodes)


def test_default_is_dot_on_stdout(small):
    assert small.run(harness.KPLAN, "graph", "--spec", "cluster.yaml").ok().out == graph(small, "dot")


def test_output_is_where_the_person_stands(small):
    folder = harness.make_folder("elsewhere")
    harness.Here().run([harness.KPLAN, "graph", "-C", small.folder, "--spec", small.folder / "cluster.yaml",
                        "--format=json", "--output", "graph.json"], cwd=folder).ok()
    # cluster.yaml is called as the person called it.
    found = (folder / "graph.json").read_text(encoding="utf-8").replace(f"{small.folder}/cluster.yaml", "cluster.yaml")
    assert found == graph(small, "json")


@pytest.mark.parametrize("args, code, text", [
    (["cert/etcd-000/serve"], 1, 'did you mean "cert/etcd-000/server"?'),
    (["--format=htm"], 64, 'did you mean "html"?'),
    (["--output", "missing/graph.html"], 1, "missing"),
    (["ca/key", "ca/cert"], 64, "takes 0 to 1 argument, not 2"),
])
def test_what_is_wrong_is_said(small, args, code, text):
    ran = small.run(harness.KPLAN, "graph", "--spec", "cluster.yaml", *args)
    assert (ran.code, ran.out) == (code, "")
    assert text in ran.err


def test_a_group_is_a_label_too(small):
    labels = {node["label"] for node in json.loads(graph(small, "json", "pki"))["nodes"]}
    assert "ca/key" in labels and "cert/etcd-000/peer" in labels
