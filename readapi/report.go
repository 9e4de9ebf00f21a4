package readapi

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
	"github.com/benfex/kipay/projections/report"
)

// asked is a question to a report, with what its answer says of itself.
type asked struct {
	report.Question
	asOf time.Time
	// effective is effective_at as it was given, for links.
	effective string
	format    string
}

// The formats of reports.
const (
	formatJSON    = "json"
	formatCSV     = "csv"
	formatXLSX    = "xlsx"
	formatParquet = "parquet"
	formatPDF     = "pdf"
)

// contentTypes are the formats with their media types.
var contentTypes = map[string]string{
	formatJSON: fiber.MIMEApplicationJSON, formatCSV: "text/csv; charset=utf-8", formatParquet: "application/vnd.apache.parquet",
	formatXLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", formatPDF: "application/pdf",
}

// report answers one of the reports: date_from, date_to, group_by, tz, payment_channel_id, as_of, effective_at, format.
func (a *api) report(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q, err := a.reportQuestion(c, who, &query{c: c}, false)
	if err != nil {
		return err
	}
	write, err := a.reportWriter(c.UserContext(), q)
	if err != nil {
		return err
	}
	done, err := a.mayWrite(c, who)
	if err != nil {
		return err
	}
	a.answered(c, who, q.AsOf)
	c.Set(fiber.HeaderContentType, contentTypes[q.format])
	if q.format != formatJSON {
		c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+q.fileName()+`"`)
	}
	return stream(c, func(ctx context.Context, w io.Writer) error {
		defer done()
		return a.writeReport(ctx, q, write(w))
	})
}

const (
	// maxWriting is how many reports are written at once: the engine has twice as many readers, and a client that takes its time with
	// a large report holds one. Of one merchant there are maxWritingEach. Others wait for maxWritingWait.
	maxWriting     = 3
	maxWritingEach = 2
	maxWritingWait = 10 * time.Second
)

// mayWrite waits until one more report may be written; done ends its turn. Errors: Unavailable.
func (a *api) mayWrite(c *fiber.Ctx, who domain.Caller) (done func(), err error) {
	ctx, cancel := context.WithTimeout(c.UserContext(), maxWritingWait)
	defer cancel()
	if done, err = a.writing.take(ctx, who.MerchantID); err != nil {
		c.Set(fiber.HeaderRetryAfter, retryLater)
		return nil, domain.Unavailable("Too many reports are being written; try again", err)
	}
	return done, nil
}

// Report writes a report as it is answered over HTTP, for a caller that is known: its parameters are those of the address, as_of
// and the rest. It has seen what was recorded up to least. Errors: as over HTTP; what was written then is to be thrown away.
func (d Deps) Report(ctx context.Context, who domain.Caller, name string, parameters url.Values, least eventstore.Position, w io.Writer) error {
	a := &api{Deps: d}
	q, err := a.parseReport(who, name, &query{values: parameters}, false)
	if err != nil {
		return err
	}
	if err := a.placeReport(ctx, q, least); err != nil {
		return err
	}
	write, err := a.reportWriter(ctx, &q.asked)
	if err != nil {
		return err
	}
	return a.writeReport(ctx, &q.asked, write(w))
}

// reportQuestion is the question of a request.
func (a *api) reportQuestion(c *fiber.Ctx, who domain.Caller, q *query, lineage bool) (*asked, error) {
	p, err := a.parseReport(who, strings.Clone(c.Params("name")), q, lineage)
	if err != nil {
		return nil, err
	}
	least, err := a.floor(c, who)
	if err != nil {
		return nil, err
	}
	if err := a.placeReport(c.UserContext(), p, least); err != nil {
		c.Set(fiber.HeaderRetryAfter, retrySoon)
		return nil, err
	}
	return &p.asked, nil
}

// unplaced is a question whose moments are not found in the log yet.
type unplaced struct {
	asked
	known, happened moment
	aged            *time.Time
}

// zoneName is what names of time zones look like; a path, or "Local", is none. Nor are the folders of the system's files, which
// ClickHouse does not have; one of them counts leap seconds.
var zoneName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)

// parseReport reads the parameters. Errors: NotFound, Invalid.
func (a *api) parseReport(who domain.Caller, name string, q *query, lineage bool) (*unplaced, error) {
	r, ok := report.Named(name)
	if !ok {
		return nil, domain.NotFoundf("There is no such report; there are %s", strings.Join(reportNames(), ", "))
	}
	u := &unplaced{asked: asked{Question: report.Question{Report: r, MerchantID: who.MerchantID, Mode: who.Mode}}}
	u.known, u.happened = q.moment("as_of"), q.moment("effective_at")
	u.effective = q.text("effective_at")
	u.From, u.To = q.days()
	// A row of what is of no channel says 0, and narrow reads it.
	if !lineage || q.text("payment_channel_id") != "0" || !slices.Contains(r.Narrowable(), "payment_channel_id") {
		u.Channel = int64(q.number("payment_channel_id", 0, 1<<53))
	}
	var err error
	if u.Zone, err = zoneOf(who); err != nil {
		return nil, fmt.Errorf("time zone of merchant %d: %w", who.MerchantID, err)
	}
	if tz := q.text("tz"); tz != "" {
		zone, err := time.LoadLocation(tz)
		if err != nil || !zoneName.MatchString(tz) || tz == "Local" || strings.HasPrefix(tz, "right/") || strings.HasPrefix(tz, "posix/") {
			q.Add("tz", "must be a time zone such as Africa/Nairobi")
		} else if tz != u.Zone.String() && !a.zones.take(who.MerchantID, tz) {
			q.Add("tz", fmt.Sprintf("is one too many: the merchant's reports were counted in %d other time zones already", maxZones))
		} else {
			u.Zone = zone
		}
	}
	if lineage {
		u.narrow(q)
	} else {
		u.groupBy(q)
		u.formatOf(q)
	}
	return u, q.Err()
}

func reportNames() []string {
	var names []string
	for _, r := range report.All() {
		names = append(names, r.Name)
	}
	return names
}

// groupBy reads what rows are grouped by: names with commas between.
func (u *unplaced) groupBy(q *query) {
	text := q.text("group_by")
	u.GroupBy = u.Report.GroupBy
	switch {
	case text == "":
		return
	case u.Report.Running:
		q.Add("group_by", "a statement has one row for each line")
		return
	}
	u.GroupBy = nil
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		if _, ok := u.Report.Dim(name); !ok || slices.Contains(u.GroupBy, name) {
			q.Add("group_by", "must be some of "+strings.Join(u.Report.DimNames(), ", ")+", each once")
			return
		}
		u.GroupBy = append(u.GroupBy, name)
	}
}

func (u *unplaced) formatOf(q *query) {
	u.format = q.text("format")
	if u.format == "" {
		u.format = formatJSON
	}
	switch _, known := contentTypes[u.format]; {
	case !known:
		q.Add("format", "must be json, csv, xlsx or parquet, or pdf for the merchant_statement")
	case u.format == formatPDF && !u.Report.Running:
		q.Add("format", "only the merchant_statement can be had as pdf")
	}
}

// narrow reads which row's facts are meant.
func (u *unplaced) narrow(q *query) {
	for _, column := range u.Report.Narrowable() {
		if v := q.search(column); v != "" {
			u.Narrow = append(u.Narrow, report.Narrowing{Column: column, Value: v})
		}
	}
	u.aged = q.instant("aged_at")
}

// placeReport finds the question's moments in the log. Errors: Unavailable.
func (a *api) placeReport(ctx context.Context, u *unplaced, least eventstore.Position) (err error) {
	if u.AsOf, err = a.knownSince(ctx, least, u.known); err != nil {
		return err
	}
	if u.Until, err = a.happenedBy(ctx, u.happened); err != nil {
		return err
	}
	switch {
	case !u.known.given:
		u.asOf = a.Log.Now()
	case !u.known.at.IsZero():
		u.asOf = u.known.at
	default:
		if u.asOf, err = a.Reader.RecordedAt(ctx, u.AsOf); err != nil {
			return unavailable(err)
		}
	}
	u.Now = u.asOf
	if u.aged != nil {
		u.Now = *u.aged
	}
	return nil
}

// day is a bound as text, empty for none.
func dayOf(d *projections.Day) string {
	if d == nil {
		return ""
	}
	return time.Unix(*d*24*60*60, 0).UTC().Format(time.DateOnly)
}

// fileName is what a browser keeps the report as.
func (q *asked) fileName() string {
	name := q.Report.Name
	for _, part := range []string{dayOf(q.From), dayOf(q.To)} {
		if part != "" {
			name += "-" + part
		}
	}
	return name + "." + q.format
}

// link is the address of the lineage, without what tells its rows apart.
func (q *asked) link(from, to *projections.Day) string {
	v := url.Values{"as_of": {fmt.Sprint(q.AsOf)}, "tz": {q.Zone.String()}}
	for name, value := range map[string]string{"date_from": dayOf(from), "date_to": dayOf(to), "effective_at": q.effective} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Channel != 0 {
		v.Set("payment_channel_id", fmt.Sprint(q.Channel))
	}
	if q.Report.Facts.Aged() {
		v.Set("aged_at", report.Stamp(q.Now))
	}
	return "/api/reports/" + q.Report.Name + "/lineage?" + v.Encode()
}

// lineageOf is the address of what a row is made of.
func (q *asked) lineageOf(r *report.Row, heads []report.Head) string {
	var b strings.Builder
	from, to := q.From, q.To
	if q.Report.Running && r.Balance { // everything up to then
		from = nil
		if r.Before {
			to = beforeFirst(q.From)
		}
	}
	b.WriteString(q.link(from, to))
	if q.Report.Running {
		b.WriteString("&currency=" + string(r.Currency))
		if r.Entry != 0 {
			fmt.Fprintf(&b, "&%s=%d", report.EntryColumn, r.Entry)
		}
		return b.String()
	}
	for i, value := range r.Keys {
		if heads[i].Name == "payment_channel_id" && q.Channel != 0 {
			continue // it is there
		}
		if value == "" {
			value = report.None
		}
		b.WriteString("&" + heads[i].Name + "=" + url.QueryEscape(value))
	}
	return b.String()
}

// beforeFirst is the day before the first, and not before the beginning of time; that where there is no first day.
func beforeFirst(first *projections.Day) *projections.Day {
	day := projections.Day(0)
	if first != nil {
		day = max(*first-1, day)
	}
	return &day
}
