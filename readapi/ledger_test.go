package readapi_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

// paid opens a checkout and pays it.
func (s *server) paid(t testing.TB, merchantID, asked, came int64) (transaction.Reference, eventstore.Position) {
	t.Helper()
	ref, _ := s.Open(t, projectionstest.Payment{Merchant: merchantID, Amount: asked})
	s.Push(t, merchantID, ref)
	s.Accept(t, merchantID, ref)
	at := s.Pay(t, merchantID, ref, came)
	s.wrote(merchantID, at)
	return ref, at
}

// balances are the balances that a question answers, by account; every one of them must sum to zero.
func (s *server) balances(t testing.TB, merchantID int64, query string) map[string]float64 {
	t.Helper()
	data, a := s.list(t, merchantID, "/ledger/balances"+query)
	out := map[string]float64{}
	for _, b := range data {
		out[b["account"].(string)] = b["balance"].(float64)
	}
	for _, total := range a.json["totals"].([]any) {
		if sum := total.(map[string]any); sum["difference"] != 0.0 || sum["debit"] != sum["credit"] {
			t.Errorf("%s: the trial balance is %v", query, sum)
		}
	}
	return out
}

func TestTheLedgerSaysWhereTheMoneyIs(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Merchant(t, 2, "")
	ref, first := s.paid(t, 1, 1000_00, 1000_00)
	_, second := s.paid(t, 1, 500_00, 650_50)
	s.paid(t, 2, 70_00, 70_00)

	want := map[string]float64{"provider_clearing": 1650.5, "sales": 1500, "suspense": 150.5}
	if diff := cmp.Diff(want, s.balances(t, 1, "")); diff != "" {
		t.Errorf("balances (-want +got):\n%s", diff)
	}
	entries, a := s.list(t, 1, "/ledger/entries?reference="+string(ref))
	if len(entries) != 2 || a.json["total"] != 2.0 {
		t.Fatalf("entries of %s: %s", ref, a.body)
	}
	credit, debit := entries[0], entries[1]
	if debit["account"] != "provider_clearing" || debit["debit"] != 1000.0 || debit["credit"] != 0.0 || credit["account"] != "sales" ||
		credit["credit"] != 1000.0 || debit["event_id"] != credit["event_id"] || debit["event_type"] != "PaymentReceived" ||
		debit["position"].(float64) >= float64(first) || debit["payment_channel_id"] != 7.0 || debit["reference"] != string(ref) {
		t.Errorf("entries: %s", a.body)
	}
	if got := a.header.Get("X-Kipay-Position"); got < strconv.FormatUint(uint64(second), 10) {
		t.Errorf("the answer has seen position %s", got)
	}
	if of, _ := s.list(t, 1, "/ledger/entries?account=suspense"); len(of) != 1 || of[0]["credit"] != 150.5 {
		t.Errorf("suspense: %v", of)
	}
	if of, _ := s.list(t, 1, "/ledger/entries?limit=2&page=2"); len(of) != 2 {
		t.Errorf("the second page has %d postings", len(of))
	}
}

func TestTheLedgerIsAnsweredAsOfAnyMoment(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	_, first := s.paid(t, 1, 1000_00, 1000_00)
	between := s.Now()
	s.paid(t, 1, 500_00, 500_00)
	for _, c := range []struct {
		query string
		sales float64
	}{
		{"", 1500},
		{fmt.Sprintf("?as_of=%d", first), 1000},
		{"?as_of=1", 0},
		{"?as_of=99999999", 1500},
		{"?effective_at=" + between.Format("2006-01-02T15:04:05.000Z"), 1000},
		{fmt.Sprintf("?effective_at=%d", first), 1000},
		{"?effective_at=2001-01-01T00:00:00Z", 0},
		{"?date_to=2001-01-01", 0},
		{"?date_from=2001-01-01&date_to=2100-01-01", 1500},
		{"?payment_channel_id=7", 1500},
		{"?payment_channel_id=8", 0},
	} {
		if got := s.balances(t, 1, c.query)["sales"]; got != c.sales {
			t.Errorf("sales%s are %v; want %v", c.query, got, c.sales)
		}
	}
}

func TestAMergedPaymentIsSoldOnce(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	alone, _ := s.C2B(t, 1, "RKTQDM7W6S", 1000_00)
	into, _ := s.Open(t, projectionstest.Payment{Merchant: 1, Amount: 1000_00})
	s.wrote(1, s.Merge(t, 1, alone, into, "RKTQDM7W6S"))
	if got := s.balances(t, 1, ""); got["sales"] != 0 || got["provider_clearing"] != 0 {
		t.Errorf("balances: %v", got)
	}
	if entries, _ := s.list(t, 1, "/ledger/entries?reference="+string(alone)); len(entries) != 4 {
		t.Errorf("%d postings; want the payment's and those that take them back", len(entries))
	}
}

func TestTheChartOfAccountsNamesEachCurrencyOnce(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.paid(t, 1, 1000_00, 1000_00)
	for _, c := range []money.Currency{money.GHS, money.KES, money.USD, money.GHS} {
		id := s.NextID()
		shop, _ := projectionstest.Do[channel.State](t, s.Install, 1, channel.Stream(id), channel.Create{Created: channel.Created{
			ID: id, Merchant: 1, Name: string(c), Provider: channel.Paystack, Environment: channel.Sandbox, Currency: c, At: s.Now(),
		}})
		_, at := projectionstest.Do[merchant.State](t, s.Install, 1, merchant.Stream(1), merchant.AttachChannel{Merchant: 1, Channel: shop.ID, At: s.Now()})
		s.wrote(1, at)
	}
	accounts, a := s.list(t, 1, "/ledger/accounts")
	var currencies []string
	for _, row := range accounts {
		if row["account"] == "sales" {
			currencies = append(currencies, row["currency"].(string))
		}
	}
	if diff := cmp.Diff([]string{"KES", "GHS", "USD"}, currencies); diff != "" {
		t.Errorf("currencies (-want +got):\n%s%s", diff, a.body)
	}
}

func TestTheChartOfAccountsNamesEveryAccountWithItsType(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Customer(t, 1, customer.Person{Email: "jane@example.com"})
	accounts, _ := s.list(t, 1, "/ledger/accounts")
	types := map[string]string{}
	for _, a := range accounts {
		if a["currency"] != "KES" {
			t.Errorf("%v", a)
		}
		types[a["account"].(string)] = a["type"].(string)
	}
	for account, kind := range map[string]string{"provider_clearing": "asset", "merchant_payable": "liability", "sales": "income", "provider_fees": "expense"} {
		if types[account] != kind {
			t.Errorf("%s is of type %q; want %s", account, types[account], kind)
		}
	}
}

func TestWrongQuestionsToTheLedgerAreNamed(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	a := s.get(t, 1, "/ledger/entries?as_of=yesterday&effective_at=x&account=petty_cash&reference=R2D2&date_from=2026&page=0&payment_channel_id=a")
	errs, _ := a.json["errors"].(map[string]any)
	if a.status != http.StatusUnprocessableEntity || len(errs) != 7 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.get(t, 1, "/ledger/balances?effective_at=0"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.get(t, 1, "/ledger/balances", "X-Scope", "write"); a.status != http.StatusForbidden {
		t.Errorf("a key that may not read was answered %d", a.status)
	}
}
