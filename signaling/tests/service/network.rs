//! A server's network and a client's, with a router between them that can be told what to let through:
//! namespaces of their own, joined by pairs of virtual interfaces. Making them needs root.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The server, as the client reaches it.
pub(crate) const SERVER: &str = "10.204.1.2";

static MADE: AtomicU32 = AtomicU32::new(0);

/// See the module. All of it goes when this does.
pub(crate) struct Network {
    names: [String; 3],
}

impl Network {
    /// Whether namespaces can be made here. If not, why is printed.
    #[expect(
        clippy::print_stderr,
        reason = "whoever runs the tests is to know what was not tried"
    )]
    pub(crate) fn is_possible() -> bool {
        let possible = quiet(Command::new("unshare").args(["--net", "nft", "list", "tables"]));
        if !possible {
            eprintln!("not tried: making network namespaces needs root and nft");
        }
        possible
    }

    pub(crate) fn new() -> Self {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let unique = format!("{:x}{number}", std::process::id());
        let names = ["s", "r", "c"].map(|part| format!("dinh{part}{unique}"));
        let network = Self { names };
        let [server, router, client] = &network.names;
        for name in &network.names {
            run("ip", &["netns", "add", name]);
            run("ip", &["-n", name, "link", "set", "lo", "up"]);
        }
        for (end, outer, net) in [(server, "s", 1), (client, "c", 2)] {
            let words = [
                "link", "add", "eth0", "netns", end, "type", "veth", "peer", "name", outer,
                "netns", router,
            ];
            run("ip", &words);
            let own = format!("10.204.{net}.2/24");
            let gate = format!("10.204.{net}.1");
            run("ip", &["-n", end, "address", "add", &own, "dev", "eth0"]);
            run("ip", &["-n", end, "link", "set", "eth0", "up"]);
            let gate_net = format!("{gate}/24");
            run(
                "ip",
                &["-n", router, "address", "add", &gate_net, "dev", outer],
            );
            run("ip", &["-n", router, "link", "set", outer, "up"]);
            run("ip", &["-n", end, "route", "add", "default", "via", &gate]);
        }
        network.route(&["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
        network
    }

    /// From now on the router does this with what it passes on, in the words of nft.
    pub(crate) fn rule(&self, rules: &[&str]) {
        self.route(&["nft", "add table inet way"]);
        let chain = "add chain inet way on { type filter hook forward priority 0; }";
        self.route(&["nft", chain]);
        for rule in rules {
            self.route(&["nft", &format!("add rule inet way on {rule}")]);
        }
    }

    /// From now on packets between router and server are at most so long.
    pub(crate) fn shorten(&self, mtu: u32) {
        let [server, router, _] = &self.names;
        let mtu = mtu.to_string();
        run("ip", &["-n", router, "link", "set", "s", "mtu", &mtu]);
        run("ip", &["-n", server, "link", "set", "eth0", "mtu", &mtu]);
    }

    fn route(&self, words: &[&str]) {
        let [_, router, _] = &self.names;
        run("ip", &[&["netns", "exec", router], words].concat());
    }

    /// A program where the server is.
    pub(crate) fn at_server(&self, program: &str) -> Command {
        self.at(0, program)
    }

    /// A program where the client is.
    pub(crate) fn at_client(&self, program: &str) -> Command {
        self.at(2, program)
    }

    fn at(&self, place: usize, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[place], program]);
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.names {
            quiet(Command::new("ip").args(["netns", "delete", name]));
        }
    }
}

fn quiet(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn run(program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {said}");
}
