#!/usr/bin/env python3
"""Looks at the console in a browser: every view, at three widths, in light and dark, with data and under load.

Needs the packages redis and playwright, and Chromium: `playwright install chromium`, or the system's by --chromium.

    target/release/kora-server --port 7701 --metrics-port 7702 --user ada on '>secret' '~*' '&*' +@all &
    python3 benches/console.py --port 7701 --metrics-port 7702 --user ada --password secret --out /tmp/console

It fills databases 0 and 1 of the server, keeps it busy meanwhile, and writes a picture of each view. It fails if the page says or loads
anything that it should not, if something is wider than the window, or if a key or a query is not shown as it is.
"""

import argparse
import json
import pathlib
import random
import shutil
import threading

import redis
from playwright.sync_api import sync_playwright

WIDTHS = {360: 780, 1280: 800, 1920: 1080}
CITIES = ["London", "Paris", "Berlin", "Madrid", "Lisbon", "Oslo"]


def seed(port, user, password):
    """One key of each type, many users, an index, a collection."""
    client = redis.Redis(port=port, username=user, password=password)
    client.flushall()
    pick = random.Random(5)
    pipe = client.pipeline(transaction=False)
    for at in range(3000):
        city = pick.choice(CITIES)
        pipe.hset(f"user:{at:05}", mapping={"name": f"User {at}", "city": city, "age": pick.randint(18, 80), "mail": f"u{at}@example.org"})
        if at % 3 == 0:
            pipe.set(f"session:{pick.getrandbits(48):012x}", json.dumps({"user": at, "roles": ["reader"], "active": True}), ex=pick.randint(600, 90000))
    pipe.set("config:banner", json.dumps({"title": "Welcome", "limits": {"rate": 12.5, "burst": 40}, "beta": False, "tags": ["a", "b"], "next": None}))
    pipe.set("blob", bytes(range(256)) * 3)
    pipe.rpush("queue:mail", *[json.dumps({"id": at, "to": f"u{at}@example.org"}) for at in range(450)])
    pipe.sadd("tags", *[f"tag-{at}" for at in range(300)])
    pipe.zadd("leaderboard", {f"player-{at}": pick.randint(0, 100000) / 10 for at in range(1200)})
    for at in range(400):
        pipe.xadd("events", {"kind": pick.choice(["login", "order", "logout"]), "user": f"user:{pick.randint(0, 2999):05}"})
    pipe.execute()
    for name in ("mailer", "audit"):
        client.execute_command("XGROUP", "CREATE", "events", name, "0")
    client.xreadgroup("mailer", "worker-1", {"events": ">"}, count=120)
    for at in range(200):
        client.execute_command("JSON.SET", f"product:{at}", "$", json.dumps({"name": f"Product {at}", "price": pick.randint(100, 9999) / 100, "tags": pick.sample(["new", "sale", "eco", "top"], 2),
                                                                           "stock": {"berlin": pick.randint(0, 9), "oslo": pick.randint(0, 9)}}))
    client.execute_command("FT.CREATE", "idx:users", "ON", "HASH", "PREFIX", "1", "user:", "SCHEMA", "name", "TEXT", "city", "TAG", "SORTABLE", "age", "NUMERIC", "SORTABLE")
    client.execute_command("FT.CREATE", "idx:products", "ON", "JSON", "PREFIX", "1", "product:", "SCHEMA", "$.name", "AS", "name", "TEXT", "$.price", "AS", "price", "NUMERIC", "$.tags[*]", "AS", "tags", "TAG")
    client.execute_command("DOC.CREATE", "people")
    client.execute_command("DOC.CREATEINDEX", "people", "age", "sorted")
    client.execute_command("DOC.CREATEINDEX", "people", "address.city", "hash")
    for at in range(150):
        client.execute_command("DOC.SET", "people", f"p{at}", json.dumps({"name": f"Person {at}", "age": pick.randint(18, 80), "address": {"city": pick.choice(CITIES)}}))
    for at in range(300):
        client.execute_command("VADD", "vectors:words", "VALUES", 4, *[round(pick.gauss(0, 1), 3) for _ in range(4)], f"word-{at}")
    redis.Redis(port=port, db=1, username=user, password=password).mset({f"other:{at}": at for at in range(40)})
    try:
        client.config_set("slowlog-log-slower-than", 400)
    except redis.ResponseError:
        pass  # A server without a slow log says so in its panel.


class Load:
    """Threads that keep the server busy until they are told to stop."""

    def __init__(self, port, user, password):
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(port, user, password, at)) for at in range(3)]
        [thread.start() for thread in self.threads]

    def run(self, port, user, password, seed):
        pick = random.Random(seed)
        client = redis.Redis(port=port, username=user, password=password, client_name=f"shop-{seed}")
        while not self.is_over.is_set():
            pipe = client.pipeline(transaction=False)
            for _ in range(pick.randint(5, 60)):
                key = f"user:{int(pick.paretovariate(0.7)) % 3300:05}"
                pick.choice([lambda: pipe.hgetall(key), lambda: pipe.get(key + ":seen"), lambda: pipe.set(f"session:{pick.getrandbits(24):x}", "x" * 200, ex=20),
                             lambda: pipe.zincrby("leaderboard", 1, f"player-{pick.randint(0, 1199)}"), lambda: pipe.hget(key, "name")])()
            if pick.random() < 0.05:
                pipe.execute_command("FT.SEARCH", "idx:users", "@city:{London}", "LIMIT", 0, 5)
            if pick.random() < 0.03:
                pipe.sort("leaderboard", by="nosort", start=0, num=1200)
            pipe.execute(raise_on_error=False)
            self.is_over.wait(pick.random() * 0.01)

    def stop(self):
        self.is_over.set()
        [thread.join() for thread in self.threads]


class Visit:
    """One browser window of the console."""

    def __init__(self, browser, arguments, width, theme):
        self.arguments, self.width, self.theme = arguments, width, theme
        self.origin = f"http://127.0.0.1:{arguments.metrics_port}"
        context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]}, color_scheme=theme, device_scale_factor=1)
        self.page = context.new_page()
        if arguments.page:
            self.page.route("**/console.js", lambda route: route.fulfill(content_type="text/javascript", body="".join(
                (arguments.page / f"{name}.js").read_text() for name in ("base", "charts", "overview", "keys", "indexes", "activity", "shell", "main"))))
            self.page.route("**/console.css", lambda route: route.fulfill(content_type="text/css", body=(arguments.page / "console.css").read_text()))
        self.complaints = []
        self.page.on("console", lambda message: message.type in ("error", "warning") and self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: request.url.startswith(self.origin) or self.complaints.append("loads " + request.url))

    def shoot(self, name):
        self.page.wait_for_timeout(250)
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            self.complaints.append(f"{name}: {wide} px wider than the window")
        self.page.screenshot(path=self.arguments.out / f"{name}-{self.width}-{self.theme}.png", full_page=self.width == 360)

    def tab(self, title):
        self.page.get_by_role("tab", name=title).click()

    def log_in(self):
        if self.arguments.user is None:
            return
        page = self.page
        if page.locator("#log").is_visible():
            page.locator("#log").click()
        page.get_by_label("User").fill(self.arguments.user)
        page.get_by_label("Password").fill(self.arguments.password)
        self.shoot("login")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Log out").wait_for()

    def all_views(self):
        page = self.page
        page.goto(self.origin + "/")
        page.wait_for_timeout(600)
        self.log_in()
        page.wait_for_timeout(self.arguments.seconds * 1000)
        self.shoot("overview")
        self.tab("Keys")
        self.keys()
        self.tab("Indexes")
        page.get_by_role("button", name="idx:users").click()
        page.get_by_label("Query").fill("@city:{London} @age:[30 40]")
        page.get_by_role("button", name="Search").click()
        page.get_by_text("London").first.wait_for()
        self.shoot("index")
        page.get_by_role("button", name="people").click()
        page.get_by_label("Condition").fill("age > 30 AND address.city = 'London'")
        page.get_by_role("button", name="Find").click()
        page.get_by_text("Person").first.wait_for()
        self.shoot("collection")
        self.tab("Activity")
        page.get_by_text("shop-1").first.wait_for()
        self.shoot("activity")
        self.tab("Commands")
        for line in ("HGETALL user:00001", "ZRANGE leaderboard 0 2 WITHSCORES", "SET console:test 'by hand'", "SUBSCRIBE news", "INCR tags"):
            page.get_by_label("Command", exact=True).fill(line)
            page.keyboard.press("Enter")
            page.wait_for_timeout(150)
        self.shoot("commands")
        page.context.close()
        # What the browser says of refusals that were asked for is no complaint.
        return [it for it in self.complaints if "403" not in it and "401" not in it]

    def keys(self):
        page = self.page
        shown = {"user:00001": "User 1", "config:banner": "Welcome", "blob": "000010", "queue:mail": "u3@example.org", "tags": "tag-", "leaderboard": "player-", "events": "mailer",
                 "product:7": "Product 7", "vectors:words": "word-"}
        for key, part in shown.items():
            page.get_by_label("Pattern").fill(key)
            page.get_by_role("button", name="Find").click()
            page.locator(".keys").get_by_role("button", name=key).first.click()
            page.get_by_label("Key", exact=True).get_by_text(part).first.wait_for()
            if key in ("leaderboard", "events", "product:7", "blob", "vectors:words"):
                self.shoot("key-" + key.split(":")[0])
        page.get_by_label("Pattern").fill("")
        page.get_by_role("button", name="Find").click()
        page.wait_for_timeout(400)
        page.locator(".keys button").nth(4).click()
        self.shoot("keys")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--metrics-port", type=int, required=True)
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=20, help="how long the charts fill before their picture")
    parser.add_argument("--widths", type=int, nargs="*", default=list(WIDTHS))
    parser.add_argument("--themes", nargs="*", default=["light", "dark"])
    parser.add_argument("--page", type=pathlib.Path, help="the page's sources, to be used instead of what the server has embedded")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    seed(arguments.port, arguments.user, arguments.password)
    load = Load(arguments.port, arguments.user, arguments.password)
    complaints = []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
            for width in arguments.widths:
                for theme in arguments.themes:
                    complaints += [f"{width} {theme}: {it}" for it in Visit(browser, arguments, width, theme).all_views()]
            browser.close()
    finally:
        load.stop()
    print("\n".join(complaints) or "nothing to complain of")
    raise SystemExit(bool(complaints))


main()
