package projections

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

// eraseCustomer destroys the keys and says so, as the command does.
func eraseCustomer(t testing.TB, i *projectionstest.Install, s customer.State, payments ...transaction.Reference) eventstore.Position {
	t.Helper()
	var refs []string
	for _, p := range payments {
		refs = append(refs, string(p))
	}
	started, _ := projectionstest.Do(t, i, s.Merchant, customer.Stream(s.Hash), customer.Erase{Reason: "asked", Payments: refs, At: i.Now()})
	for _, key := range started.Started.Keys() {
		if err := i.Ring.Destroy(context.Background(), key); err != nil {
			t.Fatal(err)
		}
	}
	_, at := projectionstest.Do(t, i, s.Merchant, customer.Stream(s.Hash), customer.FinishErasure{At: i.Now()})
	return at
}

// plant makes a customer with payments of all kinds, and one more customer who stays.
func plant(t testing.TB, i *projectionstest.Install) (who customer.State, linked transaction.Reference, stays customer.State) {
	t.Helper()
	i.Merchant(t, 1, "")
	who, _ = i.Customer(t, 1, customer.Person{Email: "wanjiku.planted@example.com", FirstName: "Wanjiku", LastName: "Planted", Phone: "+254722000111"})
	stays, _ = i.Customer(t, 1, customer.Person{Email: "stays@example.com", FirstName: "Otieno", Phone: "+254733000222"})
	for _, c := range []customer.State{who, stays} {
		ref, _ := i.Open(t, projectionstest.Payment{Merchant: 1, Customer: c, Description: "gift for Njeri " + string(c.Person.FirstName), MerchantReference: "INV-PLANTED-7"})
		i.Push(t, 1, ref)
		i.Accept(t, 1, ref)
		i.Pay(t, 1, ref, 1000_00)
	}
	linked, _ = i.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush, Description: "gift for Njeri"})
	i.Accept(t, 1, linked)
	i.Pay(t, 1, linked, 1000_00)
	return who, linked, stays
}

func TestReadModelsHoldNothingOfAnErasedCustomer(t *testing.T) {
	for name, projector := range map[string]func(*bench, testing.TB) *Projector{"embedded": (*bench).newProjector, "server": (*bench).serverProjector} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.projector = projector(b, t)
			b.reader = NewReader(b.engine.Conn, b.projector)
			who, linked, stays := plant(t, b.Install)
			run(t, b.projector)
			caughtUp(t, b.projector, b.Head(t))
			mine := []string{"Wanjiku", "722000111"}
			if found := projectionstest.PlantedInColumns(t, b.engine.Conn, mine); len(found) == 0 {
				t.Fatal("nothing was planted, so nothing is proved")
			}
			var trail customer.Trail
			trail.Follow(customer.Person{FirstName: "Wanjiku", Phone: "0712345678"})
			own, byPhone, err := b.reader.PaymentsOf(t.Context(), 1, who.ID, trail)
			if err != nil || len(own) != 1 || !slices.Equal(byPhone, []string{string(linked)}) {
				t.Fatalf("payments %q, by phone %q: %v", own, byPhone, err)
			}
			moved, _ := b.Customer(t, 1, customer.Person{Email: "stays@example.com", Phone: "+254733000333"})
			caughtUp(t, b.projector, b.Head(t))
			for _, phone := range []string{"+254733000222", "+254733000333"} { // the number of today, and the one before
				if got, err := b.reader.CustomersWith(t.Context(), 1, []string{phone}); err != nil || !slices.Equal(got, []string{moved.Hash}) {
					t.Errorf("with %s: %q: %v", phone, got, err)
				}
			}

			at := eraseCustomer(t, b.Install, who, linked)
			if err := b.projector.Purged(projectionstest.Within(t), at); err != nil {
				t.Fatal(err)
			}
			if _, ok := b.projector.Completed(own[0], 0); ok {
				t.Error("a payment of the customer is still in memory")
			}
			if found := projectionstest.PlantedInColumns(t, b.engine.Conn, mine); len(found) > 0 {
				t.Errorf("found in %v", found)
			}
			if found := projectionstest.PlantedInColumns(t, b.engine.Conn, []string{"stays@example.com"}); len(found) == 0 {
				t.Error("who stays was emptied too")
			}
			page, err := b.reader.Customers(t.Context(), CustomerFilter{MerchantID: 1, Search: "wanjiku", Limit: 10})
			if err != nil || page.Total != 0 {
				t.Errorf("a search finds %+v: %v", page, err)
			}
			list, err := b.reader.Transactions(t.Context(), TransactionFilter{MerchantID: 1, Mode: "test", Zone: nairobi(t), Limit: 10})
			if err != nil || list.Total != 3 {
				t.Fatalf("%d payments are listed: %v", list.Total, err)
			}
			for _, row := range list.Rows {
				if row.Received != 1000_00 {
					t.Errorf("payment %s brought %d", row.Reference, row.Received)
				}
				if row.CustomerID == stays.ID && (row.Email == "" || row.Description == "" || row.CheckoutRequestID == "") {
					t.Errorf("the payment of who stays lost its data: %+v", row)
				}
			}

			// Later events of the same payments bring nothing back, nor does building all again.
			for _, ref := range own {
				b.Refund(t, 1, transaction.Reference(ref), 100_00, true)
			}
			caughtUp(t, b.projector, b.Head(t))
			verified(t, b.projector)
			if _, err := b.projector.Rebuild(projectionstest.Within(t), func(Progress) {}); err != nil {
				t.Fatal(err)
			}
			verified(t, b.projector)
			if found := projectionstest.PlantedInColumns(t, b.engine.Conn, mine); len(found) > 0 {
				t.Errorf("found after a rebuild in %v", found)
			}

			// Nor is it in any file, once ClickHouse has removed the parts that it has written anew. What stays is still found there,
			// so the looking proves something.
			everywhere(t, b, mine, "Otieno")
		})
	}
}

// Of a payment by C2B M-Pesa tells a name and a number with stars; where the name fits it is a candidate, whatever the number.
func TestPaymentsOfMaskedNumbersAreFoundByTheName(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Merchant(t, 1, "")
	masked, _ := b.C2B(t, 1, "QGR7I8K2LM", 100_00)
	run(t, b.projector)
	caughtUp(t, b.projector, b.Head(t))
	for name, want := range map[domain.Personal][]string{"jane": {string(masked)}, "Janet": nil, "": nil} {
		var trail customer.Trail
		trail.Follow(customer.Person{FirstName: name, Phone: "0712345678"})
		if own, got, err := b.reader.PaymentsOf(t.Context(), 1, 9, trail); err != nil || len(own) != 0 || !slices.Equal(got, want) {
			t.Errorf("by %q: %q, %q: %v", name, own, got, err)
		}
	}
}

// everywhere has the tables written without compression, and looks into all their files.
func everywhere(t testing.TB, b *bench, gone []string, there string) {
	t.Helper()
	ctx := projectionstest.Within(t)
	tables, err := generationTables(ctx, b.db())
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range tables {
		for _, name := range names {
			if besides(name) {
				continue
			}
			exec(t, b.engine.Conn, "ALTER TABLE kipay."+name+" MODIFY SETTING default_compression_codec = 'NONE', old_parts_lifetime = 1")
			exec(t, b.engine.Conn, "OPTIMIZE TABLE kipay."+name+" FINAL")
		}
	}
	for {
		if found := projectionstest.PlantedInFiles(t, b.engine.Dir, gone); len(found) == 0 {
			break
		} else if ctx.Err() != nil {
			t.Fatalf("still in %v", found)
		}
	}
	if found := projectionstest.PlantedInFiles(t, b.engine.Dir, []string{there}); len(found) == 0 {
		t.Error("what stays isn't found in the files either: they are not read right")
	}
}

// A crash between the erasure and the emptying of the tables leaves the checkpoint before it.
func TestErasureIsMadeUpForAfterARestart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	who, linked, _ := plant(t, b.Install)
	stop := run(t, b.projector)
	caughtUp(t, b.projector, b.Head(t))
	stop()
	eraseCustomer(t, b.Install, who, linked)
	again := b.newProjector(t)
	run(t, again)
	if err := again.Purged(projectionstest.Within(t), b.Head(t)); err != nil {
		t.Fatal(err)
	}
	if found := projectionstest.PlantedInColumns(t, b.engine.Conn, []string{"Wanjiku", "722000111"}); len(found) > 0 {
		t.Errorf("found in %v", found)
	}
	verified(t, again)
}

// A customer who comes back is shown again, with what is given then.
func TestErasedCustomerWhoComesBackIsListed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	who, _, _ := plant(t, b.Install)
	run(t, b.projector)
	eraseCustomer(t, b.Install, who)
	_, at := projectionstest.Do(t, b.Install, 1, customer.Stream(who.Hash), customer.Save{
		ID: b.NextID(), Merchant: 1, Hash: who.Hash, Person: customer.Person{Email: "wanjiku.planted@example.com", FirstName: "Wanja"}, At: b.Now(),
	})
	if err := b.projector.Purged(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	page, err := b.reader.Customers(t.Context(), CustomerFilter{MerchantID: 1, Search: "wanj", Limit: 10})
	if err != nil || page.Total != 1 || page.Rows[0].ID != who.ID || page.Rows[0].FirstName != "Wanja" || page.Rows[0].Phone != "" {
		t.Errorf("listed %+v: %v", page, err)
	}
	verified(t, b.projector)
}

func TestEveryPersonalColumnIsEmptiedByErasure(t *testing.T) {
	names, err := schema.ReadDir("schema/generation")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range names {
		text, err := schema.ReadFile("schema/generation/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		table := strings.TrimSuffix(entry.Name(), ".sql")
		if table == "merchants" {
			continue // a business name, which is no payer's
		}
		for _, line := range strings.Split(string(text), "\n") {
			if !strings.Contains(line, "COMMENT 'Personal") {
				continue
			}
			column := strings.Fields(line)[0]
			if !slices.ContainsFunc(purges(), func(u purge) bool { return u.table == table && slices.Contains(u.personal, column) }) {
				t.Errorf("%s.%s is personal and stays when its customer is erased", table, column)
			}
		}
	}
}

func TestErasuresAreTakenOutInPieces(t *testing.T) {
	var refs []string
	for range 2*maxNames + 1 {
		id := [16]byte(uuid.New())
		refs = append(refs, string(transaction.NewReference(transaction.MpesaPrefix, id[:])))
	}
	refs = append(refs, "x' OR 1=1 --")
	named := 0
	conditions := purges()[2].conditions([]erasure{{customer.Erased{ID: 4, Merchant: 1, Payments: refs}, 90}, {customer.Erased{ID: 5, Merchant: 1}, 91}})
	for _, c := range conditions {
		if strings.Contains(c, "1=1") {
			t.Fatal("a reference that is none came into a statement")
		}
		if len(c) > 100_000 {
			t.Errorf("a statement of %d bytes", len(c))
		}
		named += strings.Count(c, "'") / 2
	}
	if named != 2*maxNames+1 || !strings.Contains(conditions[len(conditions)-1], "customer_id = 5") {
		t.Errorf("%d payments were named in %d statements", named, len(conditions))
	}
	for f, want := range map[form]string{
		{}:                            "ALTER TABLE kipay.customers_gN UPDATE x",
		{cluster: "c"}:                "ALTER TABLE kipay.customers_gN UPDATE x",
		{cluster: "c", sharded: true}: "ALTER TABLE kipay.shard_customers_gN ON CLUSTER 'c' UPDATE x",
	} {
		if got := f.change("customers", "UPDATE x"); got != want {
			t.Errorf("%+v: %s", f, got)
		}
	}
}
