use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use super::*;

const ROOM: usize = 8192;
const ROOT: u32 = 1;

/// A client, as the guest's kernel is one.
struct Client {
    server: Server,
    directory: tempfile::TempDir,
}

/// The body of a message under construction.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }
    fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    fn text(self, text: &str) -> Self {
        let mut longer = self.u16(text.len() as u16);
        longer.0.extend(text.as_bytes());
        longer
    }
}

fn body() -> Body {
    Body::default()
}

impl Client {
    fn attached(read_only: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("share")).unwrap();
        fs::write(directory.path().join("secret"), "secret").unwrap();
        let root = Node::root(&directory.path().join("share")).unwrap();
        let mut this = Self { server: Server::new(root, read_only, 64).unwrap(), directory };
        this.ask(kind::VERSION, body().u32(ROOM as u32).text("9P2000.L")).unwrap();
        this.ask(kind::ATTACH, body().u32(ROOT).u32(u32::MAX).text("").text("").u32(0)).unwrap();
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("share").join(name)
    }

    /// The answer's body, or the error's number.
    fn ask(&mut self, kind: u8, body: Body) -> std::result::Result<Vec<u8>, i32> {
        let size = (HEADER + body.0.len()) as u32;
        let message = [size.to_le_bytes().as_slice(), &[kind, 0x34, 0x12], &body.0].concat();
        let answer = self.server.answer(&message, ROOM);
        let (head, rest) = answer.split_at(HEADER);
        assert_eq!(head[..4], (answer.len() as u32).to_le_bytes());
        assert_eq!(head[5..], [0x34, 0x12]);
        if head[4] == kind::ERROR {
            return Err(i32::from_le_bytes(rest.try_into().unwrap()));
        }
        assert_eq!(head[4], kind + 1);
        Ok(rest.to_vec())
    }

    fn walk(&mut self, to: u32, names: &[&str]) -> std::result::Result<Vec<u8>, i32> {
        let start = body().u32(ROOT).u32(to).u16(names.len() as u16);
        self.ask(kind::WALK, names.iter().fold(start, |body, name| body.text(name)))
    }

    fn open(&mut self, fid: u32, flags: OFlags) -> std::result::Result<Vec<u8>, i32> {
        self.ask(kind::OPEN, body().u32(fid).u32(flags.bits()))
    }

    fn read(&mut self, fid: u32, offset: u64, count: u32) -> std::result::Result<Vec<u8>, i32> {
        let answer = self.ask(kind::READ, body().u32(fid).u64(offset).u32(count))?;
        assert_eq!(answer[..4], (answer.len() as u32 - 4).to_le_bytes());
        Ok(answer[4..].to_vec())
    }

    fn write(&mut self, fid: u32, offset: u64, data: &[u8]) -> std::result::Result<Vec<u8>, i32> {
        let mut message = body().u32(fid).u64(offset).u32(data.len() as u32);
        message.0.extend(data);
        self.ask(kind::WRITE, message)
    }

    /// A new fid for a file that the client creates and opens.
    fn create(&mut self, fid: u32, name: &str) -> std::result::Result<Vec<u8>, i32> {
        self.walk(fid, &[])?;
        self.ask(
            kind::CREATE,
            body().u32(fid).text(name).u32(OFlags::RDWR.bits()).u32(0o640).u32(0),
        )
    }

    /// Names in the open directory `fid`, by as many messages as it takes.
    fn names(&mut self, fid: u32, count: u32) -> Vec<String> {
        let (mut names, mut offset) = (Vec::new(), 0);
        loop {
            let answer = self.ask(kind::READDIR, body().u32(fid).u64(offset).u32(count)).unwrap();
            let mut reader = Reader::new(&answer[4..]);
            if answer.len() == 4 {
                return names;
            }
            while reader.bytes(13).is_ok() {
                offset = reader.u64().unwrap();
                reader.u8().unwrap();
                names.push(String::from_utf8(reader.string().unwrap().to_vec()).unwrap());
            }
        }
    }
}

#[test]
fn a_file_is_found_opened_and_read() {
    let mut client = Client::attached(false);
    fs::create_dir(client.path("sub")).unwrap();
    fs::write(client.path("sub/file"), "0123456789").unwrap();
    assert_eq!(client.walk(2, &["sub", "file"]).unwrap()[..2], [2, 0]);
    client.open(2, OFlags::RDONLY).unwrap();
    assert_eq!(client.read(2, 3, 4).unwrap(), b"3456");
    assert_eq!(client.read(2, 8, 100).unwrap(), b"89");
    assert_eq!(client.read(2, 10, 100).unwrap(), b"");
    client.ask(kind::CLUNK, body().u32(2)).unwrap();
    assert_eq!(client.read(2, 0, 1), Err(libc::EBADF));
}

#[test]
fn what_the_client_creates_and_writes_is_on_the_host() {
    let mut client = Client::attached(false);
    client.create(2, "new").unwrap();
    assert_eq!(client.write(2, 2, b"abc").unwrap(), 3u32.to_le_bytes());
    assert_eq!(fs::read(client.path("new")).unwrap(), b"\0\0abc");
    assert_eq!(fs::metadata(client.path("new")).unwrap().permissions().mode() & 0o777, 0o640);
    client.ask(kind::SYNC, body().u32(2).u32(0)).unwrap();
}

#[test]
fn there_is_no_way_up_and_none_through_a_link() {
    let mut client = Client::attached(false);
    symlink("../secret", client.path("link")).unwrap();
    symlink("/", client.path("root")).unwrap();
    assert_eq!(client.walk(2, &[".."]), Err(libc::EINVAL));
    assert_eq!(client.walk(2, &["../secret"]), Err(libc::EINVAL));
    assert_eq!(client.walk(2, &["/etc/passwd"]), Err(libc::EINVAL));
    assert_eq!(client.walk(2, &["root", "etc"]).unwrap()[..2], [1, 0]);
    assert_eq!(client.read(2, 0, 1), Err(libc::EBADF));
    client.walk(2, &["link"]).unwrap();
    assert_eq!(client.open(2, OFlags::RDONLY), Err(libc::ELOOP));
    let rename = body().u32(ROOT).text("link").u32(ROOT).text("../link");
    assert_eq!(client.ask(kind::RENAME, rename), Err(libc::EINVAL));
    assert_eq!(client.create(3, "../made"), Err(libc::EINVAL));
}

#[test]
fn a_read_only_share_refuses_every_change() {
    let mut client = Client::attached(true);
    fs::write(client.path("file"), "content").unwrap();
    client.walk(2, &["file"]).unwrap();
    let changes = [
        (14, body().u32(ROOT).text("new").u32(0).u32(0o644).u32(0)),
        (16, body().u32(ROOT).text("new").text("target").u32(0)),
        (18, body().u32(ROOT).text("new").u32(0o100_644).u32(0).u32(0).u32(0)),
        (26, body().u32(2).u32(1).u32(0)),
        (70, body().u32(ROOT).u32(2).text("new")),
        (72, body().u32(ROOT).text("new").u32(0o755).u32(0)),
        (74, body().u32(ROOT).text("file").u32(ROOT).text("new")),
        (76, body().u32(ROOT).text("file").u32(0)),
    ];
    for (kind, body) in changes {
        assert_eq!(client.ask(kind, body), Err(libc::EROFS), "message {kind}");
    }
    for flags in [OFlags::WRONLY, OFlags::RDWR, OFlags::RDONLY | OFlags::TRUNC] {
        assert_eq!(client.open(2, flags), Err(libc::EROFS));
    }
    client.open(2, OFlags::RDONLY).unwrap();
    assert_eq!(client.write(2, 0, b"x"), Err(libc::EBADF));
    assert_eq!(fs::read(client.path("file")).unwrap(), b"content");
}

#[test]
fn a_directory_is_listed_in_as_many_pieces_as_it_takes() {
    let mut client = Client::attached(false);
    let mut expected: Vec<String> = (0..300).map(|number| format!("file-{number:03}")).collect();
    for name in &expected {
        fs::write(client.path(name), "").unwrap();
    }
    expected.extend([".".into(), "..".into()]);
    client.walk(2, &[]).unwrap();
    client.open(2, OFlags::RDONLY | OFlags::DIRECTORY).unwrap();
    for count in [100, 4000] {
        let mut names = client.names(2, count);
        names.sort();
        expected.sort();
        assert_eq!(names, expected);
    }
}

#[test]
fn links_names_and_directories_are_made_and_removed() {
    let mut client = Client::attached(false);
    client.ask(kind::MKDIR, body().u32(ROOT).text("sub").u32(0o755).u32(0)).unwrap();
    client.ask(kind::SYMLINK, body().u32(ROOT).text("soft").text("/any/where").u32(0)).unwrap();
    client.create(2, "file").unwrap();
    client.ask(kind::LINK, body().u32(ROOT).u32(2).text("hard")).unwrap();
    client.walk(3, &["sub"]).unwrap();
    client.ask(kind::RENAME, body().u32(ROOT).text("hard").u32(3).text("moved")).unwrap();
    assert_eq!(fs::metadata(client.path("sub/moved")).unwrap().nlink(), 2);
    client.walk(4, &["soft"]).unwrap();
    assert_eq!(client.ask(kind::READLINK, body().u32(4)).unwrap()[2..], *b"/any/where");
    assert_eq!(
        client.ask(kind::UNLINK, body().u32(ROOT).text("sub").u32(0x200)),
        Err(libc::ENOTEMPTY)
    );
    client.ask(kind::UNLINK, body().u32(3).text("moved").u32(0)).unwrap();
    client.ask(kind::UNLINK, body().u32(ROOT).text("sub").u32(0x200)).unwrap();
    assert!(!client.path("sub").exists());
}

#[test]
fn attributes_are_told_and_changed() {
    let mut client = Client::attached(false);
    fs::write(client.path("file"), "0123456789").unwrap();
    client.walk(2, &["file"]).unwrap();
    // Mode, size, and both times as given.
    let which = 1 | 8 | 0x10 | 0x20 | 0x80 | 0x100;
    let wanted = body().u32(2).u32(which).u32(0o600).u32(0).u32(0).u64(4);
    client.ask(kind::SETATTR, wanted.u64(1000).u64(1).u64(2000).u64(2)).unwrap();
    let found = fs::metadata(client.path("file")).unwrap();
    assert_eq!((found.mode() & 0o777, found.len()), (0o600, 4));
    assert_eq!((found.atime(), found.mtime(), found.mtime_nsec()), (1000, 2000, 2));
    let told = client.ask(kind::GETATTR, body().u32(2).u64(0x7ff)).unwrap();
    assert_eq!(told.len(), 153);
    let mut reader = Reader::new(&told[8 + 13..]);
    assert_eq!(reader.u32().unwrap(), found.mode());
    reader.bytes(4 + 4 + 8 + 8).unwrap();
    assert_eq!(reader.u64().unwrap(), 4);
}

#[test]
fn devices_are_not_made() {
    let mut client = Client::attached(false);
    let device = body().u32(ROOT).text("null").u32(0o020_666).u32(1).u32(3).u32(0);
    assert_eq!(client.ask(kind::MKNOD, device), Err(libc::EPERM));
    client
        .ask(kind::MKNOD, body().u32(ROOT).text("pipe").u32(0o010_644).u32(0).u32(0).u32(0))
        .unwrap();
}

#[test]
fn a_client_can_only_hold_so_many_files() {
    let mut client = Client::attached(false);
    for fid in 2..65 {
        client.walk(fid, &[]).unwrap();
    }
    assert_eq!(client.walk(65, &[]), Err(libc::ENFILE));
    client.ask(kind::VERSION, body().u32(ROOM as u32).text("9P2000.L")).unwrap();
    assert_eq!(client.walk(65, &[]), Err(libc::EBADF));
}

#[test]
fn other_versions_are_unknown_and_sizes_that_are_too_small_refused() {
    let mut client = Client::attached(false);
    let answer = client.ask(kind::VERSION, body().u32(1 << 30).text("9P2000")).unwrap();
    assert_eq!(answer[..4], (MAX_MESSAGE as u32).to_le_bytes());
    assert_eq!(answer[6..], *b"unknown");
    assert_eq!(client.ask(kind::VERSION, body().u32(64).text("9P2000.L")), Err(libc::EMSGSIZE));
}

#[test]
fn locks_are_granted_and_nobody_elses() {
    let mut client = Client::attached(false);
    client.create(2, "file").unwrap();
    let lock = body().u32(2).u8(1).u32(0).u64(0).u64(0).u32(7).text("me");
    assert_eq!(client.ask(kind::LOCK, lock).unwrap(), [LOCK_GRANTED]);
    let asked = body().u32(2).u8(1).u64(5).u64(6).u32(7).text("me");
    assert_eq!(client.ask(kind::GETLOCK, asked).unwrap()[0], UNLOCKED);
}

#[test]
fn rubbish_is_answered_with_an_error_whatever_it_is() {
    let mut client = Client::attached(false);
    fastrand::seed(7);
    for _ in 0..20_000 {
        let length = fastrand::usize(0..64);
        let mut message: Vec<u8> = (0..length).map(|_| fastrand::u8(..)).collect();
        if length >= HEADER {
            message[..4].copy_from_slice(&(length as u32).to_le_bytes());
            message[4] = 2 * fastrand::u8(4..62);
        }
        // A fid that exists now and then, and no change to the tree below.
        if length >= HEADER + 4 && fastrand::bool() {
            message[HEADER..HEADER + 4].copy_from_slice(&ROOT.to_le_bytes());
        }
        let answer = client.server.answer(&message, ROOM);
        assert!(answer.len() >= HEADER && answer.len() <= ROOM);
    }
    assert_eq!(fs::read(client.directory.path().join("secret")).unwrap(), b"secret");
}
