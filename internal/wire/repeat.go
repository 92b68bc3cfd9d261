package wire

import (
	"regexp/syntax"
	"unicode/utf8"
)

// repeated is the matcher of a pattern that is one class of characters and how
// often it may come, such as ^[!-~]{1,1024}$, or nil for any other. Most of
// AWS's patterns are of this kind; package regexp writes the class out as often
// as it may come, which costs more than the rest of a request's validation.
func repeated(pattern string) func(string) bool {
	re, err := syntax.Parse(`^(?:`+pattern+`)$`, syntax.Perl)
	if err != nil {
		return nil
	}
	re = bare(re)
	least, most := 1, 1
	switch re.Op {
	case syntax.OpRepeat:
		least, most = re.Min, re.Max
	case syntax.OpStar:
		least, most = 0, -1
	case syntax.OpPlus:
		most = -1
	default:
		return nil
	}
	class := classOf(re.Sub[0])
	if class == nil {
		return nil
	}
	return func(s string) bool {
		n := 0
		for _, r := range s {
			if !within(class, r) {
				return false
			}
			n++
		}
		return n >= least && (most < 0 || n <= most)
	}
}

// bare takes away groups and the marks for the beginning and the end of the
// text, which a pattern may have of its own.
func bare(re *syntax.Regexp) *syntax.Regexp {
	for {
		switch re.Op {
		case syntax.OpCapture:
			re = re.Sub[0]
		case syntax.OpConcat:
			sub := re.Sub
			for len(sub) > 0 && sub[0].Op == syntax.OpBeginText {
				sub = sub[1:]
			}
			for len(sub) > 0 && sub[len(sub)-1].Op == syntax.OpEndText {
				sub = sub[:len(sub)-1]
			}
			if len(sub) != 1 {
				return re
			}
			re = sub[0]
		default:
			return re
		}
	}
}

// classOf is a class as pairs of first and last rune, or nil for what is none.
func classOf(re *syntax.Regexp) []rune {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	switch re.Op {
	case syntax.OpCharClass:
		return re.Rune
	case syntax.OpAnyChar:
		return []rune{0, utf8.MaxRune}
	case syntax.OpAnyCharNotNL:
		return []rune{0, '\n' - 1, '\n' + 1, utf8.MaxRune}
	}
	return nil
}

// within says whether a class has r.
func within(class []rune, r rune) bool {
	for i := 0; i+1 < len(class); i += 2 {
		if r >= class[i] && r <= class[i+1] {
			return true
		}
	}
	return false
}
