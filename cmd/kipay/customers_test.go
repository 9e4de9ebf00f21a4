package main_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func customerShape(under string, more shape) shape {
	out := shape{}
	for path, pattern := range (shape{"id": "int", "email": "text", "first_name": "text|null", "last_name": "text|null", "phone": "text|null", "created_at": "time"}) {
		out[under+path] = pattern
	}
	for path, pattern := range more {
		out[under+path] = pattern
	}
	return out
}

func TestCustomerIsCreatedThenUpdated(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	first := m.post("/api/customers/create", `{"email":"john@example.com","first_name":"John","last_name":"Doe","phone":"+2547012345678"}`).
		want(t, 201, shape{"status": `="success"`, "message": `="Customer created successfully"`}).
		want(t, 201, customerShape("customer.", shape{"email": `="john@example.com"`, "first_name": `="John"`, "last_name": `="Doe"`, "phone": `="+2547012345678"`}))
	again := m.post("/api/customers/create", `{"email":"JOHN@example.com","first_name":"Johnny"}`).
		want(t, 200, shape{"status": `="success"`}).
		want(t, 200, customerShape("customer.", shape{"first_name": `="Johnny"`, "id": "=" + first.text("customer.id"), "created_at": asPattern(first.text("customer.created_at"))}))
	list := m.get("/api/customers/list").want(t, 200, shape{"total": "=1", "data.0.first_name": `="Johnny"`})
	for _, key := range []string{"last_name", "phone"} {
		if a, b := again.text("customer."+key), list.text("data.0."+key); a != b {
			t.Errorf("%s is %q in the answer and %q in the list", key, a, b)
		}
	}
}

func asPattern(text string) string { return "=" + asJSON(text) }

// M-Pesa tells a number with stars and a first name of who paid by C2B: whom both fit is shown the payment.
func TestExportShowsPaymentsOfMaskedNumbers(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	m.registerC2B(t)
	number := phone()
	m.post("/api/mpesa/simulate-c2b", `{"payment_channel_id":`+m.mpesa+`,"amount":55,"phone_number":"`+number+`","reference":"NOBODY"}`).want(t, 200, nil)
	var payer reply
	eventually(t, 15*time.Second, "the payment came", func() error {
		payer = m.get("/api/transactions/list")
		if payer.text("total") != "1" {
			return fmt.Errorf("%v", payer)
		}
		return nil
	})
	first := firstNameIn(t, m.get("/api/transactions/"+payer.text("data.0.reference")+"/history").raw)
	for name, payments := range map[string]int{first: 1, "Somebody": 0} {
		id := m.post("/api/customers/create", `{"email":"`+name+`@example.com","first_name":"`+name+`","phone":"+`+number+`"}`).want(t, 201, nil).text("customer.id")
		if all := m.get("/api/customers/" + id + "/export"); all.len("transactions") != payments {
			t.Errorf("%s is shown %v", name, all)
		}
	}
}

// firstNameIn is what the events say of the payer.
func firstNameIn(t *testing.T, events string) string {
	t.Helper()
	found := regexp.MustCompile(`"first_name":"([A-Za-z]+)"`).FindStringSubmatch(events)
	if found == nil {
		t.Fatalf("no name in %.3000s", events)
	}
	return found[1]
}

func TestCustomersAreValidated(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	m.post("/api/customers/create", `{}`).wantError(t, 422, "", "email")
	m.post("/api/customers/create", `{"email":"John <john@example.com>","first_name":1,"last_name":true,"phone":"abc"}`).
		wantError(t, 422, "", "email", "first_name", "last_name", "phone")
	for _, email := range []string{"plain", "@example.com", "a@", "a@b", "a b@example.com", "a@example.com\\u0000", strings.Repeat("a", 250) + "@example.com"} {
		m.post("/api/customers/create", `{"email":"`+email+`"}`).wantError(t, 422, "", "email")
	}
}

func TestInitializeFindsTheCustomerByEmail(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	id := m.post("/api/customers/create", `{"email":"known@example.com","first_name":"Known"}`).want(t, 201, nil).text("customer.id")
	m.post("/api/transactions/initialize", `{"amount":5,"email":"Known@Example.com"}`).want(t, 201, shape{"transaction.customer.id": "=" + id})
	fresh := m.post("/api/transactions/initialize", `{"amount":5,"email":"new@example.com","first_name":"New"}`).want(t, 201, nil).text("transaction.customer.id")
	m.get("/api/customers/list?search=new@").want(t, 200, shape{"total": "=1", "data.0.id": "=" + fresh, "data.0.first_name": `="New"`})
}

func TestManyAtOnceWithOneEmailAreOneCustomer(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	ids := make([]string, 24)
	sideBySide(len(ids), func(i int) {
		if i%2 == 0 {
			ids[i] = m.post("/api/customers/create", `{"email":"crowd@example.com"}`).text("customer.id")
		} else {
			ids[i] = m.post("/api/transactions/initialize", `{"amount":5,"email":"Crowd@example.com"}`).text("transaction.customer.id")
		}
	})
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("the ids are %q", ids)
		}
	}
	m.get("/api/customers/list").want(t, 200, shape{"total": "=1"})
}

func TestCustomersAreSearchedByAnyPart(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	for i, c := range []string{
		`{"email":"wanjiku@example.com","first_name":"Wanjiku","last_name":"Mwangi","phone":"+254711000001"}`,
		`{"email":"otieno@example.org","first_name":"Otieno","last_name":"O'Brien","phone":"+254722000002"}`,
		`{"email":"percent_100%@example.net","first_name":"Zoë","last_name":"Ñandú","phone":"+254733000003"}`,
	} {
		m.post("/api/customers/create", c).want(t, 201, shape{"customer.id": "int"})
		_ = i
	}
	for search, want := range map[string]string{
		"": "3", "WANJI": "1", "example": "3", "mwangi": "1", "000002": "1", "O'Brien": "1", "zo%C3%AB": "1", "ZO%C3%8B": "1", "100%25": "1",
		"%25": "1", "_": "1", "nobody": "0", "%5C": "0", "'%20OR%201=1": "0", "%22": "0", "wanjiku%20mwangi": "1",
	} {
		m.get("/api/customers/list?search="+search).want(t, 200, shape{"total": "=" + want})
	}
	m.get("/api/customers/list?search="+strings.Repeat("x", 101)).wantError(t, 422, "", "search")
	m.get("/api/customers/list?search=%ff").wantError(t, 422, "", "search")
}

func TestCustomersHavePages(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	sideBySide(7, func(i int) { m.post("/api/customers/create", fmt.Sprintf(`{"email":"c%d@example.com"}`, i)) })
	m.get("/api/customers/list?limit=3&page=3").want(t, 200, shape{"status": `="success"`, "total": "=7", "page": "=3", "limit": "=3", "pages": "=3", "data.0.id": "int"}).
		want(t, 200, customerShape("data.0.", nil))
	if r := m.get("/api/customers/list?limit=3&page=4").want(t, 200, shape{"data": "=[]", "total": "=7", "pages": "=3"}); r.len("data") != 0 {
		t.Error(r)
	}
}
