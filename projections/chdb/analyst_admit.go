package chdb

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/benfex/kipay/projections/chdb/confine"
)

// admit decides whether a statement runs. When it does, req holds what was read of it: the canonical text and the limits.
func (a *analysts) admit(ctx context.Context, req *request, grant Grant) ([]string, error) {
	class, err := a.classes.of(req.sql, req.session.database)
	switch {
	case err != nil:
		return nil, err
	case class.Statements > 1:
		return nil, refuse(codeSyntaxError, "SYNTAX_ERROR", "Multi-statements are not allowed")
	case class.Class != ReadOnly && class.Class != Unknown: // what the parser does not know, it says below
		return nil, refuse(codeReadonly, "READONLY", "Cannot execute query in readonly mode")
	}
	scope, views, err := a.look(ctx, grant)
	if err != nil {
		return nil, err
	}
	scope.Database = req.session.database
	canonical, tree, err := a.parse(ctx, req)
	if err != nil {
		return nil, err
	}
	if class.Class != ReadOnly {
		return nil, refuse(codeReadonly, "READONLY", "Cannot execute query in readonly mode")
	}
	tables, err := confine.Check(canonical, tree, scope, a.functions)
	var refused *confine.Refusal
	if errors.As(err, &refused) {
		return nil, refuse(refused.Code, refused.Name(), "%s", refused.Reason)
	}
	if err != nil {
		return nil, err
	}
	req.format = resultFormat(canonical, req.format)
	if layoutOf(req.format) == whole {
		if !strings.EqualFold(req.format, parquet) {
			return nil, refuse(codeUnknownFormat, "UNKNOWN_FORMAT", "the format %s is not offered", strconv.Quote(req.format))
		}
		grant.MaxResultRows, grant.MaxResultBytes = min(grant.MaxResultRows, maxWholeRows), min(grant.MaxResultBytes, maxWholeBytes)
	}
	req.sql = canonical
	req.session.limits = limits(grant, views)
	return tables, nil
}

// parquet is the one format for analysts that is answered as a whole. Others that would have to be have broken the engine
// when they became too large: ArrowStream ended it, XML left it with no memory.
const parquet = "parquet"

// maxWholeRows and maxWholeBytes bound the data of an answer in Parquet.
const (
	maxWholeRows  = 500_000
	maxWholeBytes = 32 << 20
)

// parse gives the canonical form of a statement and its syntax tree, with the request's parameters in it. Nothing runs.
func (a *analysts) parse(ctx context.Context, req *request) (canonical, tree string, err error) {
	err = a.reading(ctx, func(conn *Conn) error {
		if canonical, err = text(conn, "SELECT formatQuerySingleLine({statement:String})", Param{"statement", escapeParam(req.sql)}); err != nil {
			return withoutScope(err)
		}
		if len(canonical) > maxParsed-64 {
			return refuse(codeTooLarge, "TOO_BIG_AST", "the statement is too long")
		}
		tree, err = text(conn, "EXPLAIN AST "+canonical, req.params...)
		return err
	})
	return canonical, tree, err
}

// withoutScope takes the statement that asked out of an error about the statement that was asked about.
func withoutScope(err error) error {
	var known *Error
	if !errors.As(err, &known) {
		return err
	}
	message, rest, ok := strings.Cut(known.Message, ": In scope SELECT formatQuery")
	if !ok {
		return err
	}
	if at := strings.LastIndex(rest, ". ("); at >= 0 {
		message += rest[at:]
	}
	return &Error{Code: known.Code, Message: message}
}

// text is a result of one column, as it is.
func text(conn *Conn, sql string, params ...Param) (string, error) {
	result, err := conn.Query(sql, "TabSeparatedRaw", params...)
	if err != nil {
		return "", err
	}
	defer result.Close()
	return strings.TrimSuffix(string(result.Bytes()), "\n"), nil
}

var paramEscapes = strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n", "\r", "\\r", "\x00", "\\0")

// escapeParam writes a text as a parameter's value.
func escapeParam(text string) string { return paramEscapes.Replace(text) }
