"""The page of `kplan graph --format=html` in headless Chromium, as a person would use it: what is on it, clicks, keys."""

import base64
import contextlib
import json
import os
import pathlib
import subprocess

import harness
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

CHROMIUM = pathlib.Path("/usr/bin/chromium")
DRIVER = pathlib.Path("/usr/bin/chromedriver")

EFFECTS = ("restart", "reload", "start")

# The boxes of the picture that stand for steps, by their labels; those that stand for alike ones by "key/*/server".
_BOXES = """
const steps = JSON.parse(document.getElementById("data").textContent).steps;
const frame = document.getElementById("graph").getBoundingClientRect();
const boxes = {};
for (const box of document.querySelectorAll("#boxes .box[data-step]")) {
  if ((box.dataset.alike !== undefined) !== arguments[0]) continue;
  const name = box.querySelector(".name");
  const at = box.querySelector(".frame").getBoundingClientRect();
  const label = arguments[0] ? box.querySelector("title").textContent : steps[box.dataset.step].label;
  boxes[label] = {classes: [...box.classList], text: name.textContent, width: at.width, height: at.height,
    at: {x: at.x + at.width / 2 - frame.x, y: at.y + at.height / 2 - frame.y},
    pills: [...box.querySelectorAll(".pill")].map((pill) => pill.textContent), text_width: name.getBoundingClientRect().width,
    font: parseFloat(getComputedStyle(name).fontSize) * name.getScreenCTM().a};
}
return boxes;
"""


@contextlib.contextmanager
def chromium(folder, width=1280, height=800, dark=False):
    """A browser whose profile is below FOLDER; every page and every message of the console is written down."""
    options = Options()
    options.binary_location = str(CHROMIUM)
    for argument in (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-device-scale-factor=1",
            f"--user-data-dir={folder}/profile", f"--window-size={width},{height}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(str(DRIVER), env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": f"{folder}/config"})
    driver = webdriver.Chrome(service=service, options=options)
    try:
        # The window has a frame; the page is to be as large as asked for.
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        yield driver
    finally:
        driver.quit()


def paper(driver):
    """The page that is open as PDF, as the printer would get it."""
    return base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})["data"])


def first_frame(page, picture, folder, width=1280, height=800):
    """What `chromium --headless --screenshot` writes of the file PAGE to PICTURE: the first thing that a person would see."""
    ran = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
         "--force-device-scale-factor=1", f"--user-data-dir={folder}/profile", f"--window-size={width},{height}",
         f"--screenshot={picture}", f"file://{page}"],
        env={**os.environ, "HOME": str(folder)}, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr


class Page:
    """One page that is open."""

    def __init__(self, driver, path, fragment=""):
        self.driver = driver
        self.console = []
        # Another page first: from one hash to another of the same file nothing is loaded.
        driver.get("about:blank")
        driver.get_log("performance")
        driver.get_log("browser")
        driver.get(f"file://{path}{fragment}")
        # The page is drawn by a script that runs while it loads.
        assert self.root.get_attribute("data-ready") == "true", self.messages()

    @property
    def root(self):
        return self.driver.find_element(By.TAG_NAME, "html")

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def messages(self):
        """What the console said, all of it: errors, warnings, refusals of the Content-Security-Policy."""
        self.console += [entry["message"] for entry in self.driver.get_log("browser")]
        return self.console

    def requests(self):
        """The addresses of all that was asked for since the last call, also of what was refused."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def boxes(self):
        """{label: {"classes", "text", "text_width", "pills", "at", "width", "height", "font"}} of the steps that are drawn."""
        return self.driver.execute_script(_BOXES, False)

    def alike(self):
        """The same of the boxes that stand for alike steps of several hosts, by what their labels have in common."""
        return self.driver.execute_script(_BOXES, True)

    def cells(self):
        """{"h3.c0": {"text", "font"}} of the cells of closed bands that are drawn: of host 3 and column 0."""
        return self.driver.execute_script("""
            const cells = {};
            document.querySelectorAll("#boxes .cell").forEach((cell, n) => {
              const name = cell.querySelector(".name");
              cells[`${cell.dataset.band}.${n}`] = {text: name.textContent, font: 11 * name.getScreenCTM().a};
            });
            return cells;""")

    def edges(self, with_class):
        """[(label, label)] of the edges between drawn steps that have the class."""
        return sorted(map(tuple, self.driver.execute_script("""
            const labels = new Map();
            for (const box of document.querySelectorAll("#boxes .box")) labels.set(box.dataset.id, box.querySelector("title")?.textContent);
            return [...document.querySelectorAll("#edges ." + arguments[0])]
              .map((edge) => [labels.get(edge.dataset.from), labels.get(edge.dataset.to)]);""", with_class)))

    def with_class(self, name):
        return sorted(label for label, box in self.boxes().items() if name in box["classes"])

    def click_at(self, at):
        """Clicks on the canvas, at a place in it, with the mouse."""
        graph = self.find("#graph")
        size = graph.size
        ActionChains(self.driver).move_to_element_with_offset(
            graph, round(at["x"] - size["width"] / 2), round(at["y"] - size["height"] / 2)).click().perform()

    def click_step(self, label):
        self.click_at(self.boxes()[label]["at"])
        harness.wait_for(f"details of {label}", lambda: self.selected() == label)

    def selected(self):
        """The label whose details are shown; "" when none is."""
        # Asked in one go: between two questions the page may take the details away.
        return self.driver.execute_script("""
            const details = document.getElementById("details");
            return details.hidden ? "" : details.querySelector("h2").textContent;""")

    def links(self, title):
        """The labels of the links below the heading TITLE of the details."""
        return self.driver.execute_script("""
            for (const heading of document.querySelectorAll("#details h3")) {
              if (heading.textContent.replace(/ \\(\\d+\\)$/, "") !== arguments[0]) continue;
              return [...heading.nextElementSibling.querySelectorAll("a")].map((link) => link.textContent);
            }
            return [];""", title)

    def reasons(self):
        return [item.text for item in self.find_all("#details .reasons li")]

    def type(self, text):
        self.find("#search").send_keys(text)

    def press(self, key):
        ActionChains(self.driver).send_keys(key).perform()

    def hits(self):
        return self.find("#hits").text

    def counts(self):
        """{state: number} as the legend has them."""
        return {word: n for word, n in self.legend().items() if word not in EFFECTS}

    def legend(self):
        """The same with what is done to services: {"stale": 4, "restart": 1, ...}."""
        return {button.get_attribute("data-word"): int(button.get_attribute("data-count"))
                for button in self.find_all("#legend button")}

    def filter(self, word):
        self.find(f'#legend button[data-word="{word}"]').click()

    def hosts(self):
        """The names of the hosts that are in sight, and whether each is open."""
        return self._bands("host")

    def groups(self):
        """The names of the groups of hosts that are in sight, and whether the hosts of each stand one by one."""
        return self._bands("group")

    def _bands(self, kind):
        return {button.get_attribute("title"): button.get_attribute("aria-expanded") == "true"
                for button in self.find_all(f"#hosts button.{kind}")}


ENTER, ESCAPE, LEFT, RIGHT, TAB = Keys.ENTER, Keys.ESCAPE, Keys.ARROW_LEFT, Keys.ARROW_RIGHT, Keys.TAB
