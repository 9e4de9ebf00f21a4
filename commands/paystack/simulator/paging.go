package simulator

import (
	"cmp"
	"net/url"
	"slices"
	"time"
)

// paging is the page that a list is asked for.
type paging struct{ perPage, page int }

// pageMeta is meta of a list.
type pageMeta struct {
	Total     int `json:"total"`
	Skipped   int `json:"skipped"`
	PerPage   int `json:"perPage"`
	Page      int `json:"page"`
	PageCount int `json:"pageCount"`
}

const (
	defaultPerPage = 50
	maxPerPage     = 1_000
)

func parsePaging(q url.Values) (paging, *refusal) {
	perPage, okPer := positive(q.Get("perPage"), defaultPerPage)
	page, okPage := positive(q.Get("page"), 1)
	if !okPer || !okPage || perPage > maxPerPage {
		return paging{}, &errPaging
	}
	return paging{perPage, page}, nil
}

// cut is the page of a list that is asked for.
func cut[T any](list []T, p paging) ([]T, pageMeta) {
	meta := pageMeta{
		Total: len(list), Skipped: (p.page - 1) * p.perPage, PerPage: p.perPage, Page: p.page,
		PageCount: (len(list) + p.perPage - 1) / p.perPage,
	}
	from := min(meta.Skipped, len(list))
	return list[from:min(from+p.perPage, len(list))], meta
}

// newestFirst sorts by ids, which count up.
func newestFirst[T any](list []T, id func(T) uint64) []T {
	slices.SortFunc(list, func(x, y T) int { return cmp.Compare(id(y), id(x)) })
	return list
}

// within tells whether at is between from and to, either of which may be open.
func within(at, from, to time.Time) bool {
	return (from.IsZero() || !at.Before(from)) && (to.IsZero() || !at.After(to))
}
