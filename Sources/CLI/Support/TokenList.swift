import Kinglet

/// Token ids separated by commas or spaces, as in `--tokens 1,2,3`; `-` reads them from standard input.
func parseTokens(_ list: String) throws(KingletError) -> [Int32] {
  let list = list == "-" ? try readText("-") : list
  return try list.split(whereSeparator: { $0 == "," || $0.isWhitespace }).map { (word) throws(KingletError) in
    guard let id = Int32(word) else {
      throw KingletError(.invalidArgument, "`\(word)` is no token id", at: "--tokens")
    }
    return id
  }
}
