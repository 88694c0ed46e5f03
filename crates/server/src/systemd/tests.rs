//! What the manager hears, and what counts as a sign of life.

use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;
use tokio::net::{TcpListener, UnixDatagram as Socket};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);
/// So long nothing is heard where nothing is to be heard; several ticks of the feeding.
const SILENCE: Duration = Duration::from_millis(600);

fn manager(folder: &TempDir, patience: Option<Duration>) -> (Socket, Notifier) {
    let path = folder.path().join("notify");
    let socket = Socket::bind(&path).unwrap();
    (socket, Notifier::at(path.as_os_str(), patience).unwrap())
}

async fn heard(socket: &Socket) -> String {
    let mut buffer = [0; 512];
    let length = timeout(PATIENCE, socket.recv(&mut buffer)).await.unwrap().unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[tokio::test]
async fn each_state_is_one_datagram() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, notifier) = manager(&folder, None);
    notifier.ready("127.0.0.1:3000".parse().unwrap());
    assert_eq!(heard(&socket).await, "READY=1\nSTATUS=Listening on 127.0.0.1:3000");
    notifier.reloading();
    let reloading = heard(&socket).await;
    let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().split('\n').next().unwrap();
    assert!(micros.parse::<u64>().unwrap() > 0, "{reloading}");
    notifier.stopping();
    assert_eq!(heard(&socket).await, "STOPPING=1\nSTATUS=Draining");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_name_after_an_at_sign_is_an_abstract_one() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("rekindle-notify-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    Notifier::at(OsStr::new(&format!("@{name}")), None).unwrap().stopping();
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).unwrap();
    assert!(buffer[..length].starts_with(b"STOPPING=1"));
}

#[tokio::test]
async fn nobody_to_tell_is_no_fault() {
    Notifier::default().stopping();
    assert!(Notifier::at(OsStr::new("/nobody/listens/here"), None).is_err());
    let folder = tempfile::tempdir().unwrap();
    let (socket, notifier) = manager(&folder, None);
    drop(socket);
    notifier.stopping();
}

#[test]
fn the_watchdog_is_fed_only_where_it_watches_this_process() {
    assert_eq!(watchdog_timeout(Some("3000000"), None, 7), Some(Duration::from_secs(3)));
    assert_eq!(watchdog_timeout(Some("3000000"), Some("7"), 7), Some(Duration::from_secs(3)));
    for (micros, pid) in [(Some("3000000"), Some("8")), (None, Some("7")), (Some("0"), None), (Some("x"), None)] {
        assert_eq!(watchdog_timeout(micros, pid, 7), None, "{micros:?} {pid:?}");
    }
}

#[test]
fn what_listens_everywhere_is_asked_on_the_loopback() {
    for (bound, asked) in
        [("0.0.0.0:7", "127.0.0.1:7"), ("[::]:7", "[::1]:7"), ("10.1.2.3:7", "10.1.2.3:7"), ("[::1]:7", "[::1]:7")]
    {
        assert_eq!(reachable(bound.parse().unwrap()), asked.parse().unwrap());
    }
}

#[tokio::test]
async fn an_answer_or_a_closed_door_is_a_sign_of_life_and_silence_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    assert!(!answers(address, SILENCE).await, "it was let in by the kernel, and nobody looked");
    drop(listener.accept().await.unwrap());

    let closes = tokio::spawn(async move {
        drop(listener.accept().await.unwrap());
        listener
    });
    assert!(answers(address, PATIENCE).await);
    let listener = closes.await.unwrap();

    let speaks = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.writable().await.unwrap();
        stream.try_write(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap();
        stream
    });
    assert!(answers(address, PATIENCE).await);
    drop(speaks.await.unwrap());
    assert!(!answers(address, PATIENCE).await, "nobody listens any more");
}

#[tokio::test]
async fn a_server_that_answers_nobody_is_not_called_alive() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, notifier) = manager(&folder, None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let draining = Arc::new(AtomicBool::new(false));
    let drains = Arc::clone(&draining);
    let feeding = tokio::spawn(async move {
        notifier.feed(address, Duration::from_millis(150), || drains.load(Ordering::SeqCst)).await;
    });
    assert!(
        timeout(SILENCE, socket.recv(&mut [0; 64])).await.is_err(),
        "the kernel takes connections, and nobody answers"
    );
    draining.store(true, Ordering::SeqCst);
    assert_eq!(heard(&socket).await, "WATCHDOG=1");
    feeding.abort();
}
