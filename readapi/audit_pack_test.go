package readapi_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/eventstore/transparency"
	"github.com/benfex/kipay/projections"
	"github.com/benfex/kipay/projections/projectionstest"
	"github.com/benfex/kipay/readapi"
)

// pack is the audit pack of a merchant's month, verified.
func (s *server) pack(t *testing.T, merchantID int64, month period.Month) ([]byte, *transparency.PackVerdict) {
	t.Helper()
	deps := readapi.Deps{
		Log: s.Log, Reader: projections.NewReader(s.engine.Conn, s.projector), Projection: s.projector, Issuer: transparency.NewIssuer(s.maker),
	}
	var out bytes.Buffer
	archive := transparency.NewPackArchive(&out)
	who := domain.Caller{MerchantID: merchantID, Mode: domain.ModeTest, TimeZone: "Africa/Nairobi"}
	if _, err := deps.AuditPack(projectionstest.Within(t), who, month, s.Head(t), archive.Add); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	keys, err := transparency.ParseKeys(strings.TrimSpace(packText(t, out.Bytes(), transparency.PackKeys)))
	if err != nil {
		t.Fatal(err)
	}
	v, err := transparency.VerifyPack(bytes.NewReader(out.Bytes()), int64(out.Len()), transparency.VerifyOptions{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), v
}

// packText is a file of a pack, unpacked.
func packText(t *testing.T, raw []byte, name string) string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := archive.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	var from io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if from, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAPackHasItsMonthAndWhatCameTooLateForTheOneBefore(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Merchant(t, 2, "")
	s.paid(t, 1, 1000_00, 1000_00)
	s.paid(t, 2, 70_00, 70_00)
	late, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 300_00})
	s.Push(t, 1, late)
	march := s.Now()
	if _, v := s.pack(t, 1, 202603); v.Closed != nil || v.Entries != 2 {
		t.Errorf("before it is closed: %+v", v.Manifest)
	}
	s.Set(time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC))
	s.closeMonth(t, 1, 202603)
	closed, v := s.pack(t, 1, 202603)
	if v.Closed == nil || v.Closed.Month != "2026-03" || v.Entries != 2 || v.Totals[0].Closing != "KES 1000.00" {
		t.Errorf("closed: %+v %+v", v.Manifest, v.Totals)
	}
	events := packText(t, closed, transparency.PackEvents)
	if strings.Count(events, `"type":"PeriodClosed"`) != 1 || strings.Count(events, `"type":"MerchantCreated"`) != 1 || !strings.Contains(events, string(late)) {
		t.Errorf("events of March: %s", events)
	}

	// A notice comes in April of money that moved in March: March's pack stays as it is, and April's has it.
	s.wrote(1, s.PayAt(t, 1, late, 300_00, march))
	s.paid(t, 1, 50_00, 50_00)
	if again, _ := s.pack(t, 1, 202603); !bytes.Equal(closed, again) {
		t.Error("the pack of a closed month changed")
	}
	april, v := s.pack(t, 1, 202604)
	if v.Entries != 4 || v.Totals[0].Closing != "KES 1350.00" || v.Closed != nil {
		t.Errorf("April: %+v %+v", v.Manifest, v.Totals)
	}
	if entries := packText(t, april, transparency.PackEntries); strings.Count(entries, ",2026-04,2026-03\n") != 2 {
		t.Errorf("entries of April: %s", entries)
	}
	if trial := packText(t, april, transparency.PackTrial); !strings.Contains(trial, "\nsales,KES,0.00,1000.00,0.00,350.00,0.00,1350.00,-1350.00\n") {
		t.Errorf("trial balance of April: %s", trial)
	}
	if _, v := s.pack(t, 1, 202602); v.Entries != 0 || v.Closed == nil || v.Closed.Month != "2026-03" {
		t.Errorf("February, which was closed with March: %+v", v.Manifest)
	}
	deps := readapi.Deps{Log: s.Log, Reader: projections.NewReader(s.engine.Conn, s.projector), Projection: s.projector, Issuer: transparency.NewIssuer(s.maker)}
	_, err := deps.AuditPack(t.Context(), domain.Caller{MerchantID: 1, Mode: domain.ModeTest}, 202612, 0, func(string, []byte) error { return nil })
	if domain.CodeOf(err) != domain.CodeInvalid {
		t.Errorf("a month that has not begun: %v", err)
	}
}
