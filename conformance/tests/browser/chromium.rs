//! Headless Chromium, driven by WebDriver. Each test has a driver, a browser and a profile of its own, which are closed
//! when it ends, however it ends.

use crate::prerequisites::{environment, go_without};
use fantoccini::error::CmdError;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use url::{ParseError, Url};

/// How long anything may take before the test gives up. Nothing waits that long unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How a browser is configured.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setup<'a> {
    /// Whether pages may not run scripts.
    pub(crate) no_scripts: bool,
    /// Host names that lead to a listener here, with a self-signed certificate.
    pub(crate) hosts: &'a [(&'a str, SocketAddr)],
    /// The origins that may open the program of [`SCHEME`] without asking the user.
    pub(crate) may_open_programs: &'a [&'a str],
}

/// The private-use scheme (RFC 8252 §7.1) of a program on this device.
pub(crate) const SCHEME: &str = "com.example.app";

/// A browser.
pub(crate) struct Chromium {
    pub(crate) client: Client,
    driver: Driver,
}

impl Chromium {
    /// With the defaults; `None` where there is no browser and none is required.
    pub(crate) async fn start() -> Option<Self> {
        Self::with(Setup::default()).await
    }

    /// With the given configuration.
    pub(crate) async fn with(setup: Setup<'_>) -> Option<Self> {
        let driver = Driver::start()?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = ClientBuilder::new(connector)
            .capabilities(capabilities(setup, driver.folder.path()))
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .unwrap();
        Some(Self { client, driver })
    }

    /// Opens an address.
    pub(crate) async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Waits for an element.
    pub(crate) async fn find(&self, css: &str) -> fantoccini::elements::Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => {
                let (url, source) = (self.client.current_url().await, self.client.source().await);
                panic!("no {css}: {error}\n{url:?}\n{source:?}")
            }
        }
    }

    /// How many elements there are now.
    pub(crate) async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.unwrap().len()
    }

    /// Presses a button or link.
    pub(crate) async fn press(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// Runs what leaves the page, and waits until the page is gone.
    pub(crate) async fn leaving(&self, act: impl Future<Output = ()>) {
        let page = self.find("html").await;
        act.await;
        let gone = async {
            while page.tag_name().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.unwrap_or_else(|_| panic!("the page did not change"));
    }

    /// Presses a button or link that leads away from the page.
    pub(crate) async fn follow(&self, css: &str) {
        self.leaving(self.press(css)).await;
    }

    /// Types into a field.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        self.find(css).await.send_keys(text).await.unwrap();
    }

    /// Replaces what is in a field.
    pub(crate) async fn refill(&self, css: &str, text: &str) {
        self.find(css).await.clear().await.unwrap();
        self.fill(css, text).await;
    }

    /// The visible text of an element.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    /// Waits for the page with this heading: a click returns before the next page is loaded.
    pub(crate) async fn arrive_at(&self, heading: &str) {
        let seen = async || self.client.find(Locator::Css("h1")).await?.text().await;
        let arrived = async {
            // The old page may disappear at any moment, and its elements with it.
            while seen().await.ok().as_deref() != Some(heading) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let arrived = tokio::time::timeout(PATIENCE, arrived).await;
        assert!(arrived.is_ok(), "no page {heading:?}, but {:?}", seen().await);
    }

    /// The value of a field, hidden ones too.
    pub(crate) async fn value(&self, css: &str) -> String {
        self.find(css).await.prop("value").await.unwrap().unwrap()
    }

    /// The id, or else the name, of the element with the focus.
    pub(crate) async fn focus(&self) -> String {
        let script = "const at = document.activeElement; return at.id || at.value || at.localName";
        self.run(script).await.as_str().unwrap().to_owned()
    }

    /// The status of the page's own response.
    pub(crate) async fn status(&self) -> u64 {
        let script = "return performance.getEntriesByType('navigation')[0].responseStatus";
        self.run(script).await.as_u64().unwrap()
    }

    /// Runs a script of ours, which the page's policy doesn't block.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// What the browser blocked since the last call.
    pub(crate) async fn refusals(&self) -> Vec<String> {
        let entries = self.extension("se/log", json!({ "type": "browser" })).await.unwrap();
        let entries = entries.as_array().unwrap().iter();
        let security = entries.filter(|entry| entry["source"] == "security");
        security.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// A command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.extension("goog/cdp/execute", body).await.unwrap()
    }

    /// The addresses that a program was opened with, once it was.
    pub(crate) async fn opened(&self) -> String {
        let file = self.driver.folder.path().join("opened");
        let opened = async {
            loop {
                match std::fs::read_to_string(&file) {
                    Ok(text) if text.ends_with('\n') => return text,
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let text = tokio::time::timeout(PATIENCE, opened).await;
        let text = text.unwrap_or_else(|_| panic!("no program was opened"));
        std::fs::remove_file(&file).unwrap();
        text.trim_end().to_owned()
    }

    async fn extension(&self, path: &'static str, body: Value) -> Result<Value, CmdError> {
        self.client.issue_cmd(Extension { path, body }).await
    }
}

fn capabilities(setup: Setup<'_>, folder: &Path) -> Capabilities {
    // No name is ever looked up outside of this machine.
    let rules = setup.hosts.iter().map(|(host, at)| format!("MAP {host} {at}, ")).collect::<String>();
    let mut arguments: Vec<String> = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,800",
    ]
    .map(str::to_owned)
    .into();
    arguments.push(format!("--user-data-dir={}", folder.join("profile").display()));
    arguments
        .push(format!("--host-resolver-rules={rules}MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"));
    let mut preferences = json!({});
    if setup.no_scripts {
        preferences["profile.managed_default_content_settings.javascript"] = json!(2);
    }
    for origin in setup.may_open_programs {
        preferences["protocol_handler"]["allowed_origin_protocol_pairs"][origin][SCHEME] = json!(true);
    }
    let capabilities = json!({
        "browserName": "chrome",
        "acceptInsecureCerts": !setup.hosts.is_empty(),
        "goog:loggingPrefs": { "browser": "ALL" },
        "goog:chromeOptions": { "args": arguments, "prefs": preferences },
    });
    capabilities.as_object().unwrap().clone()
}

/// A command of chromedriver beyond WebDriver.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// A chromedriver process, and the folder that it and its browser write to.
struct Driver {
    process: Child,
    // A closed pipe would end the process.
    _output: BufReader<ChildStdout>,
    port: u16,
    folder: TempDir,
}

impl Driver {
    fn start() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let programs = write_opener(folder.path());
        let path = format!("{}:{}", programs.display(), environment("PATH").unwrap_or_default());
        let started = Command::new("chromedriver")
            .arg("--port=0")
            .env("PATH", path)
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                go_without("chromedriver is not installed");
                return None;
            }
            Err(error) => panic!("chromedriver doesn't start: {error}"),
        };
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mark = "started successfully on port ";
        let line = output.by_ref().lines().map(Result::unwrap).find(|line| line.contains(mark)).unwrap();
        let (_, port) = line.split_once(mark).unwrap();
        let port = port.trim_end_matches('.').parse().unwrap();
        Some(Self { process, _output: output, port, folder })
    }

    /// Ends its session, and with it the browser.
    fn shut_down(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _best_effort = self.shut_down();
        let _gone_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Writes a replacement for `xdg-open`, with which browsers on Linux open other programs' addresses: it records them.
/// Returns the folder that it is in.
fn write_opener(folder: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let programs = folder.join("bin");
    std::fs::create_dir(&programs).unwrap();
    let opener = programs.join("xdg-open");
    let script = format!("#!/bin/sh\necho \"$1\" >> '{}'\n", folder.join("opened").display());
    std::fs::write(&opener, script).unwrap();
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();
    programs
}
