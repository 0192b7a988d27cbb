package bench

import (
	"os"
	"testing"
	"time"
)

// The mount of a folder is the longest mount point above it; of two on one point the one that hides the other.
func TestDiskIsThatOfTheInnermostMount(t *testing.T) {
	mounts, err := os.ReadFile("testdata/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]Disk{
		"/home/x":       {FileSystem: "ext4", Device: "/dev/root", Options: "rw,relatime"},
		"/tmp":          {FileSystem: "tmpfs", Device: "tmpfs", Options: "rw,nosuid,nodev"},
		"/tmporary":     {FileSystem: "ext4", Device: "/dev/root", Options: "rw,relatime"},
		"/srv/a":        {FileSystem: "xfs", Device: "/dev/nvme0n1p1", Options: "rw,noatime"},
		"/srv/fast/b/c": {FileSystem: "btrfs", Device: "/dev/nvme2n1", Options: "rw,noatime"},
	} {
		if got := mountOf(mounts, dir); got != want {
			t.Errorf("%s: %+v, want %+v", dir, got, want)
		}
	}
}

// A file system in memory is known as such.
func TestDiskInMemoryIsNamed(t *testing.T) {
	if !(Disk{FileSystem: "tmpfs"}).InMemory() || (Disk{FileSystem: "ext4"}).InMemory() {
		t.Fatal("tmpfs keeps nothing, ext4 does")
	}
}

// The probe measures some syncs, in order of size, and leaves nothing behind.
func TestSyncProbe(t *testing.T) {
	dir := t.TempDir()
	probe, err := probeSync(dir)
	if err != nil {
		t.Fatal(err)
	}
	if probe.Writes < 1 || probe.P50 <= 0 || probe.P99 < probe.P50 || probe.Max < probe.P99 || probe.SizeBytes != 4096 {
		t.Fatalf("probe %+v", probe)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
	if _, err := probeSync(dir + "/missing"); err == nil {
		t.Fatal("a missing folder was probed")
	}
}

func TestQuantile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.501: 51, 0.99: 99, 1: 100} {
		if got := quantile(hundred, q); got != want {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
}

// Machine and system come from where Linux keeps them.
func TestMachineIsDescribed(t *testing.T) {
	got := describeMachine(os.DirFS("testdata/proc"), os.DirFS("testdata/etc"))
	want := Machine{
		OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.12.0-test", CPU: "AMD EPYC 9999",
		MemoryBytes: 24605292 << 10, Arch: got.Arch, Cores: got.Cores,
	}
	if got != want || got.Cores < 1 || got.Arch == "" {
		t.Fatalf("machine %+v, want %+v", got, want)
	}
	if nothing := describeMachine(os.DirFS("testdata/etc"), os.DirFS("testdata/etc/missing")); nothing.Cores < 1 {
		t.Fatalf("without files: %+v", nothing)
	}
}
