package world

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

func instance(n int) *DiscoveryInstance {
	i := &DiscoveryInstance{
		Service:    DiscoveryServiceID(fmt.Sprintf("srv-%016x", n%5000)),
		ID:         fmt.Sprintf("%032x", n),
		Attributes: make(map[string]string, 8),
		Health:     "HEALTHY",
		CreatedAt:  time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}
	for a := range 8 {
		i.Attributes[fmt.Sprintf("AWS_ATTRIBUTE_%d", a)] = fmt.Sprintf("value-%d", n)
	}
	return i
}

func TestWorld_Copies(t *testing.T) {
	first := New()
	first.Put(&Namespace{ID: "ns-1", VPC: "vpc-1"})
	second := first
	second.Put(&Namespace{ID: "ns-1", VPC: "vpc-2"})
	second.Put(&Namespace{ID: "ns-2", VPC: "vpc-1"})
	third := second
	third.Delete(KindNamespace, "ns-1")
	for _, c := range []struct {
		w    World
		vpc  VPCID
		want []NamespaceID
	}{
		{first, "vpc-1", []NamespaceID{"ns-1"}},
		{first, "vpc-2", nil},
		{second, "vpc-1", []NamespaceID{"ns-2"}},
		{second, "vpc-2", []NamespaceID{"ns-1"}},
		{third, "vpc-1", []NamespaceID{"ns-2"}},
		{third, "vpc-2", nil},
	} {
		var got []NamespaceID
		for n := range c.w.NamespacesIn(c.vpc) {
			got = append(got, n.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("namespaces of %s: %v, expected %v", c.vpc, got, c.want)
		}
	}
	if got := third.Get(KindNamespace, "ns-1"); got != nil {
		t.Errorf("deleted, still %v", got)
	}
}

func TestWorld_ZeroIsEmpty(t *testing.T) {
	var w World
	if w.VPCs.Len() != 0 || w.VPCs.Get("vpc-1") != nil || w.Get(KindVPC, "vpc-1") != nil {
		t.Error("the zero world is not empty")
	}
	for range w.NamespacesIn("vpc-1") {
		t.Error("found a namespace")
	}
	w.Delete(KindVPC, "vpc-1")
	w.Put(&Namespace{ID: "ns-1", VPC: "vpc-1"})
	if got := len(slices.Collect(w.NamespacesIn("vpc-1"))); got != 1 {
		t.Errorf("%d namespaces after a put", got)
	}
}

func TestWorld_FillEqualsPut(t *testing.T) {
	var objects []Object
	put := New()
	for n := range 1000 {
		o := &SecurityGroup{ID: SecurityGroupID(fmt.Sprint(n * 31 % 977)), VPC: VPCID(fmt.Sprint("vpc-", n%7))}
		objects = append(objects, o)
		put.Put(o)
	}
	var filled World
	filled.Put(&SecurityGroup{ID: "old"})
	filled.Fill(KindSecurityGroup, objects)
	if got, want := slices.Collect(filled.All(KindSecurityGroup)), slices.Collect(put.All(KindSecurityGroup)); !slices.Equal(got, want) {
		t.Errorf("filled %d objects, put %d", len(got), len(want))
	}
	for n := range 7 {
		vpc := fmt.Sprint("vpc-", n)
		if got, want := slices.Collect(by(filled.SecurityGroups, 0, vpc)), slices.Collect(by(put.SecurityGroups, 0, vpc)); !slices.Equal(got, want) {
			t.Errorf("%s: filled %d objects, put %d", vpc, len(got), len(want))
		}
	}
}

func TestWorld_EveryKindDecodes(t *testing.T) {
	for _, k := range Kinds() {
		o, err := Decode(k, []byte("{}"))
		if err != nil {
			t.Error(err)
			continue
		}
		if o.Kind() != k {
			t.Errorf("kind %q decodes to a %q", k, o.Kind())
		}
		w := New()
		w.Put(o)
		if got := len(slices.Collect(w.All(k))); got != 1 {
			t.Errorf("%s: %d objects after one put", k, got)
		}
	}
	if _, err := Decode("no-such-kind", []byte("{}")); err == nil {
		t.Error("decoded an unknown kind")
	}
}

func BenchmarkPut(b *testing.B) {
	w := New()
	rows := make([]*DiscoveryInstance, 100_000)
	for n := range rows {
		rows[n] = instance(n)
		w.Put(rows[n])
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		w.Put(rows[n%len(rows)])
	}
}

func BenchmarkDecode(b *testing.B) {
	value, err := json.Marshal(instance(1))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		if _, err := Decode(KindDiscoveryInstance, value); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTableMemory reports what the table itself needs for each row.
func BenchmarkTableMemory(b *testing.B) {
	rows := make([]*DiscoveryInstance, 100_000)
	for n := range rows {
		rows[n] = instance(n)
	}
	for b.Loop() {
		before := heap()
		w := New()
		for _, row := range rows {
			w.Put(row)
		}
		b.ReportMetric(float64(heap()-before)/float64(len(rows)), "B/row")
		runtime.KeepAlive(w)
	}
	runtime.KeepAlive(rows)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
