package chdb

import lru "github.com/hashicorp/golang-lru/v2"

const (
	// maxClasses is how many statements are remembered, maxClassifiedBytes how long one may be that is.
	maxClasses         = 1024
	maxClassifiedBytes = 4 << 10
)

// classes tells what kind of statement a text holds. The engine's parser takes half a millisecond and more for a statement
// of ours, most of which come again and again with other values bound to them; what it says depends on nothing but the
// text and the database, so it is asked once.
type classes struct {
	parser *Conn
	known  *lru.Cache[classKey, Classification]
}

type classKey struct{ sql, database string }

func newClasses(parser *Conn) *classes {
	known, err := lru.New[classKey, Classification](maxClasses)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &classes{parser: parser, known: known}
}

func (c *classes) of(sql, database string) (Classification, error) {
	key := classKey{sql, database}
	if class, ok := c.known.Get(key); ok {
		return class, nil
	}
	class, err := c.parser.Classify(sql, database)
	if err == nil && len(sql)+len(database) <= maxClassifiedBytes {
		c.known.Add(key, class)
	}
	return class, err
}
