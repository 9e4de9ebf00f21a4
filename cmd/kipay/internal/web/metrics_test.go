package web

import (
	"fmt"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"
)

// counts are the requests counted so far, by labels.
func (at *site) counts() map[string]float64 {
	at.t.Helper()
	families, err := at.metrics.Gather()
	if err != nil {
		at.t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "kipay_http_requests_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			counts[labels["method"]+" "+labels["route"]+" "+labels["status"]] = m.GetCounter().GetValue()
		}
	}
	return counts
}

func TestLabelsStayBoundedWhateverIsAsked(t *testing.T) {
	at := open(t, nil, func(s *Server) {
		s.Public().Use("/pages", func(c *fiber.Ctx) error { return c.Next() })
	})
	for i := range 20 {
		at.get(fmt.Sprint("/api/things/", i))
		at.get(fmt.Sprint("/api/nowhere/", i))
		at.get(fmt.Sprint("/pages/", i))
		at.call("GET", fmt.Sprint("/api/things/", i), "")
		at.call(fmt.Sprint("M", i), "/healthz", "")
		at.call("DELETE", fmt.Sprint("/api/things/", i), "", headerAPIKey, goodKey)
	}
	want := map[string]float64{
		"GET /api/things/:reference 200": 20,
		"GET unmatched 404":              40,
		"GET unmatched 401":              20,
		"other unmatched 405":            20,
		"DELETE unmatched 405":           20,
	}
	if diff := cmp.Diff(want, at.counts()); diff != "" {
		t.Error(diff)
	}
}

func TestDurationsAndInFlightAreShown(t *testing.T) {
	at := open(t, nil, nil)
	at.get("/api/things/A")
	families, err := at.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range families {
		seen[f.GetName()] = true
		switch f.GetName() {
		case "kipay_http_request_duration_seconds":
			if n := f.GetMetric()[0].GetHistogram().GetSampleCount(); n != 1 {
				t.Errorf("%d durations", n)
			}
		case "kipay_http_requests_in_flight":
			if n := f.GetMetric()[0].GetGauge().GetValue(); n != 0 {
				t.Errorf("%v in flight", n)
			}
		case "kipay_rate_limit_store_failures_total":
			if n := f.GetMetric()[0].GetCounter().GetValue(); n != 0 {
				t.Errorf("%v requests were not counted in a store that there is not", n)
			}
		}
	}
	if len(seen) != 4 {
		t.Errorf("metrics %v", seen)
	}
}
