package tree

import (
	"fmt"
	"testing"

	"bellwether/engine/wire"
)

func TestSmoke(t *testing.T) {
	tr := New()
	for i := 0; i < 5000; i++ {
		p := fmt.Sprintf("/zookeeper/n%07d", i*7919%5000)
		m := tr.MaskFor(p)
		tr.Lock(m)
		if c := tr.Create(p, []byte("x"), wire.OpenACL, 0, -1, int64(i), 5, nil); c != wire.OK {
			t.Fatal(c)
		}
		tr.SetZxid(int64(i))
		tr.Unlock(m)
	}
	v := tr.View("/zookeeper")
	var st wire.Stat
	v.Stat(&st)
	fmt.Printf("%+v\n", st)
	if n := len(v.AppendChildren(nil)); n != 4+5000*12+2*4+len("configquota") {
		t.Fatal(n)
	}
	v.Close()
	sn, _ := tr.StartSnapshot()
	var b []byte
	for more := true; more; {
		b, more = sn.Next(b)
	}
	l := NewLoader(Options{})
	if _, err := l.Write(b); err != nil {
		t.Fatal(err)
	}
	t2, err := l.Finish()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(t2.NodeCount(), tr.NodeCount(), t2.SizeBytes(), New().SizeBytes())
	for i := 0; i < 5000; i++ {
		p := fmt.Sprintf("/zookeeper/n%07d", i*7919%5000)
		m := t2.MaskFor(p)
		t2.Lock(m)
		if c := t2.Delete(p, int64(i)); c != wire.OK {
			t.Fatal(c)
		}
		t2.Unlock(m)
	}
	fmt.Println(t2.NodeCount(), tr.NodeCount(), t2.SizeBytes(), New().SizeBytes())
}
