"""The page of `kplan graph --format=html` in headless Chromium, as a person would use it: what is on it, clicks, keys."""

import contextlib
import json
import os
import pathlib

import harness
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

CHROMIUM = pathlib.Path("/usr/bin/chromium")
DRIVER = pathlib.Path("/usr/bin/chromedriver")

# The boxes of the canvas' graph that stand for steps, by their labels.
_BOXES = """
const steps = JSON.parse(document.getElementById("data").textContent).steps;
const boxes = {};
for (const node of document.getElementById("graph")._cyreg.cy.nodes()) {
  const step = node.data("step");
  if (step === undefined) continue;
  boxes[steps[step].label] = {classes: node.classes(), text: node.data("name"), at: node.renderedPosition(),
    width: node.renderedWidth(), height: node.renderedHeight(),
    font: node.numericStyle("font-size") * node.cy().zoom(), font_family: node.style("font-family")};
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
        """{label: {"classes", "text", "at", "width", "height", "font"}} of the steps that are drawn."""
        return self.driver.execute_script(_BOXES)

    def cells(self):
        """{"host/column": text} of the cells of closed hosts that are drawn."""
        return self.driver.execute_script("""
            const cells = {};
            for (const node of document.getElementById("graph")._cyreg.cy.nodes(".cell")) {
              cells[node.id().slice(1)] = {text: node.data("name"), at: node.renderedPosition(), font: 11 * node.cy().zoom()};
            }
            return cells;""")

    def edges(self, with_class):
        """[(label, label)] of the edges between drawn steps that have the class."""
        return sorted(map(tuple, self.driver.execute_script("""
            const steps = JSON.parse(document.getElementById("data").textContent).steps;
            const label = (node) => node.data("step") === undefined ? node.id() : steps[node.data("step")].label;
            return document.getElementById("graph")._cyreg.cy.edges("." + arguments[0])
              .map((edge) => [label(edge.source()), label(edge.target())]);""", with_class)))

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
        return [item.text for item in self.find_all("#details div:first-child li")]

    def type(self, text):
        self.find("#search").send_keys(text)

    def press(self, key):
        ActionChains(self.driver).send_keys(key).perform()

    def hits(self):
        return self.find("#hits").text

    def counts(self):
        """{state: number} as the legend has them."""
        return {button.get_attribute("data-state"): int(button.get_attribute("data-count"))
                for button in self.find_all("#legend button")}

    def filter(self, state):
        self.find(f'#legend button[data-state="{state}"]').click()

    def hosts(self):
        """The names of the hosts that are in sight, and whether each is open."""
        return {button.get_attribute("title"): button.get_attribute("aria-expanded") == "true"
                for button in self.find_all("#hosts button")}


ENTER, ESCAPE, LEFT, RIGHT, TAB = Keys.ENTER, Keys.ESCAPE, Keys.ARROW_LEFT, Keys.ARROW_RIGHT, Keys.TAB
