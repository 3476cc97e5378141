/// Finds a text in another by its UTF-8, which never matches across code points, in time linear in both: the failure
/// table of Knuth, Morris and Pratt (SIAM J. Comput. 6, 1977).
struct ByteSearch {
  private let needle: [UInt8]
  /// For each prefix of the needle, the length of the longest border.
  private let borders: [Int32]

  init(_ needle: [UInt8]) {
    self.needle = needle
    var borders = [Int32](repeating: 0, count: needle.count)
    var length = 0
    for position in needle.indices.dropFirst() {
      while length > 0, needle[position] != needle[length] { length = Int(borders[length - 1]) }
      if needle[position] == needle[length] { length += 1 }
      borders[position] = Int32(clamping: length)
    }
    self.borders = borders
  }

  /// Where the needle, which must not be empty, starts in `haystack` at or after `start`.
  func first(in haystack: [UInt8], from start: Int = 0) -> Int? {
    guard haystack.count - start >= needle.count else { return nil }
    var matched = 0
    var position = start
    while position < haystack.count {
      let byte = haystack[position]
      while matched > 0, byte != needle[matched] { matched = Int(borders[matched - 1]) }
      if byte == needle[matched] { matched += 1 }
      if matched == needle.count { return position + 1 - matched }
      position += 1
    }
    return nil
  }

  /// Where the needle starts, without overlaps, from left to right; at most `limit` places, each charged.
  func all(in haystack: [UInt8], limit: Int = .max, _ budget: Budget) throws(TemplateError) -> [Int] {
    try budget.step(haystack.count / 16)
    var places: [Int] = []
    var start = 0
    while places.count < limit, let place = first(in: haystack, from: start) {
      try budget.step()
      places.append(place)
      start = place + needle.count
    }
    return places
  }

  /// As `all`, from right to left.
  static func allBackwards(
    _ needle: [UInt8], in haystack: [UInt8], limit: Int = .max, _ budget: Budget
  ) throws(TemplateError) -> [Int] {
    let search = ByteSearch(needle.reversed())
    return try search.all(in: haystack.reversed(), limit: limit, budget).map { haystack.count - needle.count - $0 }
  }
}
