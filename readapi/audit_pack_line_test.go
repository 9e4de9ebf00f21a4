package readapi

import (
	"bytes"
	"encoding/csv"
	"testing"
)

func TestNothingInAPackIsAFormula(t *testing.T) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := line(w, `=HYPERLINK("http://x";"y")`, "@SUM(A1)", "+254712345678", "-1+cmd|' /C calc'!A1", "\t=1", "-12.50", "-", "FT25318KQ7", "a=b", ""); err != nil {
		t.Fatal(err)
	}
	w.Flush()
	want := `"'=HYPERLINK(""http://x"";""y"")",'@SUM(A1),'+254712345678,'-1+cmd|' /C calc'!A1,` + "'\t=1,-12.50,-,FT25318KQ7,a=b,\n"
	if out.String() != want {
		t.Errorf("got  %swant %s", &out, want)
	}
}
