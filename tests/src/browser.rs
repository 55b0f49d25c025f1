//! Chromium without a window, driven over a pair of pipes by the `DevTools` protocol
//! (<https://chromedevtools.github.io/devtools-protocol/>): JSON messages that end with NUL.

use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long an answer may take; a first start on a busy machine is slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the browser is started with: nothing of its own that asks the network or keeps state.
const OPTIONS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];

/// A running browser with one page.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    sent: u64,
    complaints: Vec<String>,
    _profile: TempDir,
}

impl Browser {
    /// Starts it.
    ///
    /// # Errors
    /// Where there is no Chromium, or it does not answer.
    pub fn start() -> io::Result<Self> {
        let profile = tempfile::tempdir()?;
        // It reads from descriptor 3 and writes to 4.
        let mut process = Command::new("sh")
            .args(["-c", "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "chromium"])
            .args(OPTIONS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let missing = || io::Error::other("the browser has no pipes");
        let input = process.stdin.take().ok_or_else(missing)?;
        let output = process.stdout.take().ok_or_else(missing)?;
        let (sender, messages) = channel();
        thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { return };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            process,
            input,
            messages,
            session: None,
            sent: 0,
            complaints: Vec::new(),
            _profile: profile,
        };
        browser.open_page()?;
        Ok(browser)
    }

    fn open_page(&mut self) -> io::Result<()> {
        let target = self.call("Target.createTarget", &json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.call("Target.attachToTarget", &attach)?;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            self.call(&format!("{domain}.enable"), &json!({}))?;
        }
        self.call("Emulation.setFocusEmulationEnabled", &json!({"enabled": true}))?;
        Ok(())
    }

    /// Calls a method and returns its result.
    ///
    /// # Errors
    /// Where the browser refuses, or does not answer in time.
    pub fn call(&mut self, method: &str, parameters: &Value) -> io::Result<Value> {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input.write_all(format!("{message}\0").as_bytes())?;
        loop {
            let message = self.receive(PATIENCE)?;
            if message["id"] != self.sent {
                self.notice(&message);
            } else if message["error"].is_null() {
                return Ok(message["result"].clone());
            } else {
                return Err(io::Error::other(format!("{method}: {}", message["error"])));
            }
        }
    }

    fn receive(&mut self, patience: Duration) -> io::Result<Value> {
        self.messages.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => io::Error::new(io::ErrorKind::TimedOut, "no answer"),
            RecvTimeoutError::Disconnected => io::Error::other("the browser ended"),
        })
    }

    /// Remembers what the page did wrong.
    fn notice(&mut self, event: &Value) {
        let is_bad = match event["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Page.javascriptDialogOpening") => true,
            Some("Runtime.consoleAPICalled") => event["params"]["type"] != "log",
            Some("Log.entryAdded") => event["params"]["entry"]["level"] != "verbose",
            _ => false,
        };
        if is_bad {
            self.complaints.push(event["params"].to_string());
        }
    }

    /// What pages did wrong since the last call: exceptions, errors of the console, violations of the policy, dialogs.
    pub fn complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// Opens `url` and waits until it has loaded.
    ///
    /// # Errors
    /// Where it does not.
    pub fn open(&mut self, url: &str) -> io::Result<()> {
        self.call("Page.navigate", &json!({"url": url}))?;
        self.wait_for(&format!(
            "document.readyState === 'complete' && location.href === {}",
            json!(url)
        ))
    }

    /// The value of an expression in the page; of a promise what it comes to.
    ///
    /// # Errors
    /// Where it throws.
    pub fn evaluate(&mut self, expression: &str) -> io::Result<Value> {
        let parameters = json!({"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true});
        let outcome = self.call("Runtime.evaluate", &parameters)?;
        if outcome["exceptionDetails"].is_null() {
            return Ok(outcome["result"]["value"].clone());
        }
        Err(io::Error::other(format!("{expression}: {}", outcome["exceptionDetails"])))
    }

    /// Waits until an expression holds.
    ///
    /// # Errors
    /// Where it does not in time.
    pub fn wait_for(&mut self, expression: &str) -> io::Result<()> {
        let end = Instant::now() + PATIENCE;
        while self.evaluate(expression).ok() != Some(json!(true)) {
            if Instant::now() > end {
                return Err(io::Error::other(format!("{expression} does not come to hold")));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Makes the window so wide and high, in CSS pixels, and the system's colours dark or light.
    ///
    /// # Errors
    /// Where the browser refuses.
    pub fn show(&mut self, (width, height): (u32, u32), is_dark: bool) -> io::Result<()> {
        let scheme = if is_dark { "dark" } else { "light" };
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", &size)?;
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"features": features})).map(drop)
    }

    /// Whether pages may run scripts, from the next one on.
    ///
    /// # Errors
    /// Where the browser refuses.
    pub fn allow_scripts(&mut self, are_allowed: bool) -> io::Result<()> {
        let parameters = json!({"value": !are_allowed});
        self.call("Emulation.setScriptExecutionDisabled", &parameters).map(drop)
    }

    /// The window as PNG in base64.
    ///
    /// # Errors
    /// Where there is no picture.
    pub fn screenshot(&mut self) -> io::Result<String> {
        let shot = self.call("Page.captureScreenshot", &json!({"format": "png"}))?;
        let data = shot["data"].as_str().ok_or_else(|| io::Error::other("no picture"))?;
        Ok(data.to_owned())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session = None;
        self.call("Browser.close", &json!({})).ok();
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            if matches!(self.process.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
