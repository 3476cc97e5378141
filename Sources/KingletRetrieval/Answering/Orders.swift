import KingletDocuments

/// Sentences of a passage that are addressed to the model: to ignore its instructions, to hide sources, to say only this.
///
/// A model of this size does what it reads, wherever it reads it. What such a sentence says is not shown to it, and the
/// answer's `leftOut` says so; it can still be found and quoted. This is a guard against the usual wordings, in English,
/// and no proof against all: what holds in any case is that citations are made from the documents, not by the model.
enum Orders {
  /// The text without such sentences, and how many there were.
  static func removed(from text: String) -> (text: String, count: Int) {
    let bytes = Array(text.utf8)
    var kept: [UInt8] = []
    var (count, start) = (0, 0)
    for range in Sentences.ranges(in: 0..<bytes.count, of: bytes)
    where isOrder(KeywordQuery.words(of: String(decoding: bytes[range], as: UTF8.self))) {
      kept += bytes[start..<range.lowerBound]
      start = range.upperBound
      count += 1
    }
    return count == 0 ? (text, 0) : (String(decoding: kept + bytes[start...], as: UTF8.self), count)
  }

  private static func isOrder(_ words: [String]) -> Bool {
    let words = Set(words)
    func has(_ some: Set<String>) -> Bool { !words.isDisjoint(with: some) }
    if has(["ignore", "disregard", "forget", "override", "bypass"]),
      has(["instruction", "instructions", "prompt", "prompts"]) || words.isSuperset(of: ["everything", "above"])
    {
      return true
    }
    if has(["cite", "citing", "mention", "reveal", "show", "name", "hide", "conceal", "omit"]),
      has(["source", "sources", "citation", "citations"]),
      has(["not", "don", "never", "without", "hide", "conceal", "omit"])
    {
      return true
    }
    return has(["answer", "reply", "respond", "say", "output", "write"]) && words.isSuperset(of: ["only", "word"])
  }
}
