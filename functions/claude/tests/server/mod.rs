//! A server on loopback: one scripted answer per request; it keeps the head and the body of each.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use host::Settings;
use serde_json::Value;

type Sent = Arc<Mutex<Vec<(String, Value)>>>;

pub(crate) struct Server {
    url: String,
    sent: Sent,
}

impl Server {
    /// Status, extra header lines and body of each answer.
    pub(crate) fn start(answers: Vec<(u16, &'static str, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self::silent(&listener);
        let sent = Arc::clone(&server.sent);
        std::thread::spawn(move || {
            for (status, headers, answer) in answers {
                let stream = loop {
                    let (stream, _) = listener.accept().unwrap();
                    let request = read(&stream);
                    // The model's life cycle is asked beside the question, in no order.
                    if request.0.starts_with("GET /v1/models/") {
                        let _ = (&stream)
                            .write_all(b"HTTP/1.1 200 x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
                        continue;
                    }
                    sent.lock().unwrap().push(request);
                    break stream;
                };
                let body = answer.to_string();
                let head =
                    format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
                (&stream).write_all(format!("{head}{headers}\r\n{body}").as_bytes()).unwrap();
            }
        });
        server
    }

    /// A server that accepts and says nothing.
    pub(crate) fn silent(listener: &TcpListener) -> Self {
        Self { url: format!("http://{}", listener.local_addr().unwrap()), sent: Sent::default() }
    }

    pub(crate) fn settings(&self) -> Settings {
        let pairs = [("ANTHROPIC_BASE_URL", self.url.as_str()), ("ANTHROPIC_API_KEY", "test-key")];
        Settings::from_values(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    pub(crate) fn sent(&self) -> Vec<(String, Value)> {
        self.sent.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> (String, Value) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, serde_json::from_slice(&body).unwrap_or_default())
}
