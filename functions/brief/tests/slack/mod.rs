//! A Slack on loopback that answers as scripted, one answer per request, and keeps what it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use host::Settings;
use serde_json::Value;

/// Path and body of each request.
type Sent = Arc<Mutex<Vec<(String, Value)>>>;

pub(crate) struct Fake {
    settings: Settings,
    sent: Sent,
}

/// The settings that point at a listener.
pub(crate) fn settings(listener: &TcpListener) -> Settings {
    let url = format!("http://{}", listener.local_addr().unwrap());
    let pairs =
        [("SLACK_URL", url.as_str()), ("SLACK_BOT_TOKEN", "xoxb-test"), ("SLACK_CHANNEL", "incidents")];
    Settings::from_values(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

impl Fake {
    /// Status, extra header lines and body of each answer.
    pub(crate) fn start(answers: Vec<(u16, &'static str, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fake = Self { settings: settings(&listener), sent: Sent::default() };
        let sent = Arc::clone(&fake.sent);
        std::thread::spawn(move || {
            for (status, headers, answer) in answers {
                let (stream, _) = listener.accept().unwrap();
                sent.lock().unwrap().push(read(&stream));
                let body = answer.to_string();
                let head =
                    format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
                (&stream).write_all(format!("{head}{headers}\r\n{body}").as_bytes()).unwrap();
            }
        });
        fake
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings.clone()
    }

    pub(crate) fn sent(&self) -> Vec<(String, Value)> {
        self.sent.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> (String, Value) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let path = line.split(' ').nth(1).unwrap().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (path, serde_json::from_slice(&body).unwrap())
}
