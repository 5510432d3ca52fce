//! A wire to the API server that can be cut.

use std::fs;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// Relays connections to an API server, from when it is made to the end of the process.
pub struct Wire {
    /// A kubeconfig that leads over it.
    pub kubeconfig: PathBuf,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    /// A wire before the API server of a kubeconfig, which is JSON.
    ///
    /// # Panics
    /// If the kubeconfig is none of the tests'.
    pub fn before(kubeconfig: &Path) -> Wire {
        let text = fs::read_to_string(kubeconfig).expect("a kubeconfig");
        let mut config: Value = serde_json::from_str(&text).expect("a kubeconfig of the tests");
        let server = &mut config["clusters"][0]["cluster"]["server"];
        let address = server.as_str().and_then(|url| url.strip_prefix("https://"));
        let address = address
            .expect("an address")
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        *server = json!(format!("https://127.0.0.1:{port}"));
        let kubeconfig = kubeconfig.with_extension("wire");
        fs::write(&kubeconfig, config.to_string()).expect("a new file");
        let open = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&open);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = TcpStream::connect(&address).expect("the API server listens");
                // Small messages go at once, as without a relay.
                for end in [&near, &far] {
                    end.set_nodelay(true).expect("a TCP connection");
                }
                let copy = |end: &TcpStream| end.try_clone().expect("a descriptor");
                all.lock()
                    .expect("no holder panics")
                    .extend([copy(&near), copy(&far)]);
                relay(copy(&near), copy(&far));
                relay(far, near);
            }
        });
        Wire { kubeconfig, open }
    }

    /// Breaks all connections.
    pub fn cut(&self) {
        let mut open = self.open.lock().expect("no holder panics");
        for end in open.drain(..) {
            // It may have ended already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn relay(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        // Whatever ends it ends the other direction, too.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}
