package projections

import (
	"strings"
	"time"

	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/eventstore"
)

// Customer is a customer as the read model holds it.
type Customer struct {
	MerchantID                        int64
	CreatedAt                         time.Time
	ID                                int64
	Version                           eventstore.Position
	Hash                              string
	Email, FirstName, LastName, Phone string
	UpdatedAt                         time.Time
}

// customerOf is the row of a state whose last event stands at version.
func customerOf(s customer.State, version eventstore.Position) Customer {
	return Customer{
		MerchantID: s.Merchant, CreatedAt: s.CreatedAt, ID: s.ID, Version: version, Hash: s.Hash, Email: string(s.Person.Email),
		FirstName: string(s.Person.FirstName), LastName: string(s.Person.LastName), Phone: string(s.Person.Phone),
		UpdatedAt: s.UpdatedAt,
	}
}

// search is what a customer is found by: any part of a line of it.
func (c *Customer) search() string {
	name := strings.TrimSpace(c.FirstName + " " + c.LastName)
	if name == "" && c.Email == "" && c.Phone == "" {
		return "" // erased
	}
	return strings.ToLower(name + "\n" + c.Email + "\n" + c.Phone)
}

// customerColumns are rows of customers.
type customerColumns struct {
	*table
	merchant, id, created, updated                        values[int64]
	version                                               values[uint64]
	hash, email, firstName, lastName, phone, searchColumn values[string]
}

// newCustomerColumns are rows of the table customers.
func newCustomerColumns() *customerColumns { return customerColumnsOf("customers") }

// newCustomerVersionColumns are rows of the table customer_versions: as those of customers, one for each change. They are personal
// like those, and what clears the ones clears the others.
func newCustomerVersionColumns() *customerColumns { return customerColumnsOf("customer_versions") }

func customerColumnsOf(name string) *customerColumns {
	c := &customerColumns{
		merchant: values[int64]{name: "merchant_id", sentAs: sentInt64}, created: values[int64]{name: "created_at", sentAs: sentMillis},
		id: values[int64]{name: "id", sentAs: sentInt64}, version: values[uint64]{name: "version", sentAs: sentUInt64},
		hash: values[string]{name: "hash", sentAs: sentString}, email: values[string]{name: "email", sentAs: sentString},
		firstName: values[string]{name: "first_name", sentAs: sentString}, lastName: values[string]{name: "last_name", sentAs: sentString},
		phone: values[string]{name: "phone", sentAs: sentString}, searchColumn: values[string]{name: "search", sentAs: sentString},
		updated: values[int64]{name: "updated_at", sentAs: sentMillis},
	}
	c.table = newTable(name, &c.merchant, &c.created, &c.id, &c.version, &c.hash, &c.email, &c.firstName, &c.lastName,
		&c.phone, &c.searchColumn, &c.updated)
	return c
}

func (c *customerColumns) add(r *Customer) {
	c.merchant.add(r.MerchantID)
	c.created.add(millis(r.CreatedAt))
	c.id.add(r.ID)
	c.version.add(uint64(r.Version))
	c.hash.add(r.Hash)
	c.email.add(r.Email)
	c.firstName.add(r.FirstName)
	c.lastName.add(r.LastName)
	c.phone.add(r.Phone)
	c.searchColumn.add(r.search())
	c.updated.add(millis(r.UpdatedAt))
}
