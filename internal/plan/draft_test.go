package plan_test

import (
	"regexp"
	"testing"
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

func TestDraw_FormsAndDeterminism(t *testing.T) {
	for name, c := range map[string]struct {
		draw func(d *plan.Draw) string
		form string
	}{
		"hex":    {func(d *plan.Draw) string { return d.Hex(32) }, `^[0-9a-f]{32}$`},
		"ec2":    {func(d *plan.Draw) string { return d.EC2("eni") }, `^eni-[0-9a-f]{17}$`},
		"uuid":   {(*plan.Draw).UUID, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
		"digits": {func(d *plan.Draw) string { return d.Digits(19) }, `^[1-9][0-9]{18}$`},
		"base32": {func(d *plan.Draw) string { return d.Base32(32) }, `^[a-z2-7]{32}$`},
		"upper":  {func(d *plan.Draw) string { return d.Upper(20) }, `^[A-Z0-9]{20}$`},
		"mac":    {(*plan.Draw).MAC, `^0a(:[0-9a-f]{2}){5}$`},
	} {
		t.Run(name, func(t *testing.T) {
			form := regexp.MustCompile(c.form)
			a, b, other := plan.NewDraw([32]byte{1}), plan.NewDraw([32]byte{1}), plan.NewDraw([32]byte{2})
			seen := map[string]bool{}
			for range 200 {
				got := c.draw(a)
				if !form.MatchString(got) || seen[got] {
					t.Fatalf("drew %q (again: %v)", got, seen[got])
				}
				seen[got] = true
				if again := c.draw(b); again != got {
					t.Fatalf("the same seed gives %q and %q", got, again)
				}
				if c.draw(other) == got {
					t.Fatalf("two seeds give %q", got)
				}
			}
		})
	}
}

func TestDraft_ShowsTheLastWordOnEachObject(t *testing.T) {
	w := world.New()
	w.Put(&world.Cluster{Name: "old"})
	d := &plan.Draft{World: w}
	if !d.Empty() {
		t.Error("a new draft is not empty")
	}
	d.Put(&world.Cluster{Name: "a", Status: "1"})
	d.Put(&world.Cluster{Name: "b"})
	d.Put(&world.Cluster{Name: "a", Status: "2"})
	d.Delete(&world.Cluster{Name: "b"})
	d.Delete(&world.Cluster{Name: "old"})
	d.Put(&world.Cluster{Name: "old", Status: "again"})
	if d.World.Clusters.Len() != 2 || w.Clusters.Len() != 1 {
		t.Errorf("the draft shows %d clusters, the world that it started from %d", d.World.Clusters.Len(), w.Clusters.Len())
	}
	made := outcome(d)
	if len(made) != 3 || made[0].(*world.Cluster).Status != "2" || made[1] != nil || made[2].(*world.Cluster).Status != "again" {
		t.Errorf("the draft made %v", made)
	}
}

func TestDraft_WakesAtTheEarliestTime(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d := &plan.Draft{}
	for _, at := range []time.Time{{}, now.Add(2), now, now.Add(1), {}} {
		d.Again(at)
	}
	if d.Wake() != now {
		t.Errorf("wakes at %v", d.Wake())
	}
}
