package projections

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// The databases that analysts read: views only, with stable names and a comment on every column. In the first personal columns
// are masked; the second is for who may see them.
const (
	AnalyticsDatabase = "kipay_analytics"
	PersonalDatabase  = "kipay_analytics_personal"
)

// analystViews are the views of the schema that analysts get. Each has a column merchant_id, so that it can be narrowed to one
// merchant.
func analystViews() []string {
	return []string{
		"channels", "customer_versions", "customers", "dispute_versions", "disputes", "events", "ledger_balances", "ledger_entries", "merchants", "payout_versions", "payouts",
		"reconciliation_differences", "reconciliation_imports", "refund_versions", "refunds", "transaction_versions", "transactions",
	}
}

// showGeneration makes every view show the generation.
func showGeneration(ctx context.Context, db database, g Generation) error {
	if err := runFolder(ctx, db, "schema/views", g); err != nil {
		return err
	}
	f, err := db.form(ctx)
	if err != nil {
		return err
	}
	for _, name := range []string{AnalyticsDatabase, PersonalDatabase} {
		if err := db.define(ctx, f, "CREATE DATABASE IF NOT EXISTS "+name); err != nil {
			return fmt.Errorf("make the database %s: %w", name, err)
		}
	}
	for _, name := range analystViews() {
		text, err := schema.ReadFile("schema/views/" + name + ".sql")
		if err != nil {
			return err
		}
		for _, statement := range forAnalysts(name, string(text)) {
			if err := db.define(ctx, f, g.in(statement)); err != nil {
				return fmt.Errorf("generation %d: the view %s for analysts: %w", g, name, err)
			}
		}
	}
	return nil
}

// viewColumn is a column of a view, with the beginning of its comment where that says that it is personal.
var viewColumn = regexp.MustCompile(`(?m)^    (\w+) .* COMMENT '(Personal)?`)

// forAnalysts are a view's two forms for analysts: what the comment of a column calls personal is masked in the first. On a server
// they read with the rights of who made them, so that analysts need none on what is under them.
func forAnalysts(name, text string) []string {
	head, query, _ := strings.Cut(text, "\n)\nAS ")
	query, comment, _ := strings.Cut(query, "\nCOMMENT ")
	masked := make([]string, 0, 32)
	for _, c := range viewColumn.FindAllStringSubmatch(head, -1) {
		column := c[1]
		if c[2] != "" {
			column = "if(shown." + column + " = '', '', '***') AS " + column
		}
		masked = append(masked, column)
	}
	comment = strings.TrimSuffix(strings.TrimSpace(comment), ";")
	in := func(database string) string {
		return strings.Replace(head, "VIEW kipay."+name, "VIEW "+database+"."+name, 1) + "\n)\nDEFINER = CURRENT_USER SQL SECURITY DEFINER\nAS "
	}
	return []string{
		in(AnalyticsDatabase) + "SELECT " + strings.Join(masked, ", ") + "\nFROM (" + query + ") AS shown\nCOMMENT " + comment,
		in(PersonalDatabase) + query + "\nCOMMENT " + comment,
	}
}
