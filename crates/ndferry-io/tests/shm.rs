//! Frames through shared memory.
#![cfg(all(feature = "shm", target_os = "linux"))]

mod common;

use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::thread;

use common::{BUSY, frame, listen, options, pair};
use ndferry_io::{Error, Frame, SegmentPool, Url, connect};

/// Segments belong to the whole process, and some of the tests count them, so only one at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn url(folder: &tempfile::TempDir) -> String {
    format!("shm://{}/s", folder.path().display())
}

#[test]
fn frames_of_all_sizes_arrive_in_order_in_memory_or_beside() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    for url in [url(&folder), "shm://127.0.0.1:0".to_owned()] {
        let (mut client, mut server, listener) = pair(&url);
        assert!(client.shares() && server.shares(), "{url}");
        let sender = thread::spawn(move || {
            for i in 0..120_u8 {
                let whole = frame(usize::from(i % 7) * usize::from(i) * 5000, i);
                let parts = [&whole[..3], &whole[3..8], &whole[8..]];
                match i % 3 {
                    0 => client.send(&parts).unwrap(),
                    1 => client.queue(&parts).unwrap(),
                    _ => {
                        if !client.lend(&parts).unwrap() {
                            client.queue(&parts).unwrap();
                        }
                    }
                }
            }
            client.finish().unwrap();
            let answer = client.recv().unwrap().map(<[u8]>::to_vec);
            (answer, client.sent_nbytes())
        });
        let mut lent = Vec::new();
        for i in 0..120_u8 {
            let expected = frame(usize::from(i % 7) * usize::from(i) * 5000, i);
            if i % 2 == 0 {
                assert!(server.recv().unwrap().unwrap() == expected, "{i}");
            } else {
                let found = server.recv_frame().unwrap().unwrap();
                assert!(found[..] == expected, "{i}");
                if let Frame::Shared(bytes) = found {
                    lent.push((bytes, expected));
                }
            }
        }
        assert!(lent.len() > 10);
        assert!(lent.iter().all(|(bytes, expected)| bytes == expected));
        assert_eq!(server.recv().unwrap(), None);
        server.send(&[&frame(300_000, 9)]).unwrap();
        let (answer, sent) = sender.join().unwrap();
        assert!(answer.unwrap() == frame(300_000, 9));
        assert_eq!(sent, server.received_nbytes());
        drop(listener);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn who_comes_by_tcp_is_served_without_sharing() {
    let _alone = ALONE.lock();
    let mut listener = listen("shm://127.0.0.1:0");
    let Url::ShmOrTcp { host, port } = listener.url().clone() else {
        panic!("{}", listener.url());
    };
    let tcp = Url::Tcp { host, port };
    let mut client = connect(&tcp, &options()).unwrap();
    client.send(&[&frame(2, 0)]).unwrap();
    let mut server = listener.accept(BUSY).unwrap().unwrap();
    assert!(!client.shares() && !server.shares());
    let sender = thread::spawn(move || client.send(&[&frame(5 << 20, 7)]).unwrap());
    assert!(server.recv().unwrap().unwrap() == frame(2, 0));
    assert!(server.recv().unwrap().unwrap() == frame(5 << 20, 7));
    sender.join().unwrap();
    // A listener at TCP alone has nothing to share with.
    let plain = listen("tcp://127.0.0.1:0");
    let Url::Tcp { host, port } = plain.url().clone() else {
        panic!("{}", plain.url());
    };
    let link = connect(&Url::ShmOrTcp { host, port }, &options()).unwrap();
    assert!(!link.shares());
}

#[test]
fn thousands_of_large_frames_need_few_segments_and_descriptors() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let (mut client, mut server, _listener) = pair(&url(&folder));
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let sender = thread::spawn(move || {
        let whole = frame(300_000, 1);
        for _ in 0..3000 {
            client.send(&[&whole]).unwrap();
        }
        client
    });
    let mut most = 0;
    for i in 0..3000 {
        assert_eq!(server.recv().unwrap().unwrap().len(), 300_008);
        if i % 100 == 0 {
            most = most.max(descriptors());
        }
    }
    drop(sender.join().unwrap());
    // Other tests have some, too.
    assert!(most < 300, "{most} descriptors");
    let (segments, nbytes) = SegmentPool::shared().size();
    assert!(segments <= 64 && nbytes <= 1 << 30);
}

#[test]
fn descriptors_that_are_no_segments_or_belong_to_nothing_are_refused() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let whole = frame(200_000, 1);
    let file = tempfile::tempfile().unwrap();
    // With a frame's head, with its body, two with a head.
    let sendings: [(&[u8], &[u8], usize); 3] = [
        (b"", &whole[..8], 1),
        (&whole[..200_000], &whole[200_000..], 1),
        (b"", &whole[..8], 2),
    ];
    for (before, with, count) in sendings {
        let mut listener = listen(&url(&folder));
        let mut plain = UnixStream::connect(folder.path().join("s")).unwrap();
        std::io::Write::write_all(&mut plain, &frame(2, 0)).unwrap();
        let mut server = listener.accept(BUSY).unwrap().unwrap();
        server.recv().unwrap();
        let (file, before, with) = (file.try_clone().unwrap(), before.to_vec(), with.to_vec());
        let sender = thread::spawn(move || {
            use std::os::fd::AsFd;
            std::io::Write::write_all(&mut plain, &before).unwrap();
            let files = vec![file.as_fd(); count];
            let mut space = [std::mem::MaybeUninit::uninit(); 256];
            let mut control = rustix::net::SendAncillaryBuffer::new(&mut space);
            control.push(rustix::net::SendAncillaryMessage::ScmRights(&files));
            let parts = [std::io::IoSlice::new(&with)];
            let flags = rustix::net::SendFlags::empty();
            rustix::net::sendmsg(&plain, &parts, &mut control, flags).unwrap();
            std::io::Write::write_all(&mut plain, &frame(2, 1)).unwrap();
            plain
        });
        // With the first frame or with the one after it.
        let mut recv = || server.recv().map(|frame| frame.map(<[u8]>::to_vec));
        let error = recv().and_then(|_| recv()).unwrap_err();
        assert!(matches!(error, Error::Segment(_)), "{error}");
        drop(sender.join());
    }
}
