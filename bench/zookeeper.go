package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// zookeeperJar is where Debian's package libzookeeper-java puts the server; its manifest names all it needs.
const zookeeperJar = "/usr/share/java/zookeeper.jar"

// zookeeperHeap is the heap the peer may use, well above what the suite's few znodes need.
const zookeeperHeap = "-Xmx2g"

// apacheZooKeeper is Debian's Apache ZooKeeper, found on this machine.
type apacheZooKeeper struct {
	java        string // the program
	javaVersion string
}

// findZooKeeper looks for Java and the jars. It is an error, with what to install, if either is missing.
func findZooKeeper(ctx context.Context) (apacheZooKeeper, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return apacheZooKeeper{}, errors.New("the peer zookeeper needs Java, and there is no java on the PATH; " +
			"on Debian: apt-get install zookeeper default-jre-headless")
	}
	if _, err := os.Stat(zookeeperJar); err != nil {
		return apacheZooKeeper{}, fmt.Errorf("the peer zookeeper was not found (%w); on Debian: apt-get install zookeeper", err)
	}
	z := apacheZooKeeper{java: java, javaVersion: "Java"}
	// java -version prints to stderr; its first line names the release.
	if out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput(); err == nil {
		line, _, _ := strings.Cut(string(out), "\n")
		z.javaVersion = strings.TrimSpace(line)
	}
	return z, nil
}

// quietLogging keeps the peer from logging every session: it gets a logger, at the level warnings have.
const quietLogging = `log4j.rootLogger=WARN, CONSOLE
log4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender
log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout
log4j.appender.CONSOLE.layout.ConversionPattern=%d %p %c %m%n
`

// start starts it and asks it for its version.
func (z apacheZooKeeper) start(ctx context.Context, root string) (*running, error) {
	p, err := start(ctx, func() (*running, error) { return z.launch(root) })
	if err != nil {
		return nil, err
	}
	version := "of unknown version"
	if answer, err := fourLetterWord(ctx, p.addr, "mntr"); err == nil {
		version, _, _ = strings.Cut(parseMonitor(answer)["zk_version"], ",")
	}
	p.party.What = "Apache ZooKeeper " + version + " on " + z.javaVersion + ", one server, syncing on"
	return p, nil
}

// launch starts its process with the same configuration as the server under test, syncing on as it is by default.
func (z apacheZooKeeper) launch(root string) (*running, error) {
	dir, err := os.MkdirTemp(root, nameZooKeeper+"-")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config, err := configText(addr, "data")
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{"zoo.cfg": config, "log4j.properties": quietLogging} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	args := []string{
		zookeeperHeap, "-Dlog4j.configuration=file:log4j.properties", "-cp", ".:" + zookeeperJar,
		"org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg",
	}
	c, err := startChild("Apache ZooKeeper", dir, z.java, args...)
	if err != nil {
		return nil, err
	}
	party := Party{
		Name: nameZooKeeper, Command: commandLine("java", args), Config: config,
	}
	return &running{party: party, child: c, addr: addr, dir: dir}, nil
}
