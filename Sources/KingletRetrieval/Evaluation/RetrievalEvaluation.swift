import Foundation
import Kinglet
import KingletErrors
import KingletFiles

/// How well a knowledge base finds what questions with known answers ask for.
///
/// Metrics as in TREC: gains are binary; recall@k is the share of the relevant that is among the first k, MRR@10 and
/// nDCG@10 are 0 where nothing relevant is among the first 10; means over all queries that have something relevant.
public struct RetrievalEvaluation: Sendable, Equatable, Codable {
  public var mode: SearchMode
  public var queries = 0
  public var recallAt1 = 0.0
  public var recallAt5 = 0.0
  public var recallAt10 = 0.0
  public var mrrAt10 = 0.0
  public var ndcgAt10 = 0.0
  public var hitAt1 = 0.0
  /// Seconds of a search, the embedding of the query included.
  public var medianSeconds = 0.0
  public var percentile95Seconds = 0.0

  /// Questions and what is relevant for them.
  public struct Judgements: Sendable {
    public var queries: [(id: String, text: String)]
    /// Names of relevant documents or records, by query.
    public var relevant: [String: Set<String>]

    /// - Parameters:
    ///   - queries: the path of a JSONL file with `id` (or `_id`) and `text` (or `query`, `question`).
    ///   - qrels: the path of a file with query, document and relevance, separated by tabs, with or without a heading; or
    ///     four columns as TREC has them.
    /// - Throws: `.fileNotFound`, `.fileUnreadable`, `.fileCorrupt` naming the line.
    public init(queries: String, qrels: String) throws(KingletError) {
      self.queries = []
      for (index, line) in try Self.lines(queries).enumerated() {
        let value: JSONValue
        do throws(KingletError) { value = try JSONValue(line) } catch {
          throw error.located(in: "\(queries): line \(index + 1)")
        }
        func first(_ names: [String]) -> String? {
          names.lazy.compactMap { value[$0] }.compactMap { $0.string ?? $0.integer.map(String.init) }.first
        }
        guard let id = first(["id", "_id", "qid", "query_id"]), let text = first(["text", "query", "question", "q"])
        else {
          throw KingletError(.fileCorrupt, "a query has `id` and `text`", at: "\(queries): line \(index + 1)")
        }
        self.queries.append((id, text))
      }
      relevant = [:]
      for (index, line) in try Self.lines(qrels).enumerated() {
        let cells = line.split(whereSeparator: { $0 == "\t" || $0 == " " }).map(String.init)
        guard cells.count >= 3, let relevance = Double(cells[cells.count - 1]) else {
          if index == 0 { continue }
          throw KingletError(
            .fileCorrupt, "a judgement is query, document and relevance", at: "\(qrels): line \(index + 1)")
        }
        if relevance > 0 { relevant[cells[0], default: []].insert(cells[cells.count - 2]) }
      }
    }

    private static func lines(_ path: String) throws(KingletError) -> [String] {
      String(decoding: try readFile(path, limit: 1 << 30), as: UTF8.self).split(whereSeparator: \.isNewline)
        .map(String.init)
    }
  }
}

extension KnowledgeBase {
  /// Chunks that are looked at for the first ten documents.
  private static let evaluationDepth = 50

  /// Searches for each query and compares with what is relevant. A judgement names a record by its identifier, or a
  /// document by its path, the end of its path, or its file's name with or without its extension.
  public func evaluate(
    _ judgements: RetrievalEvaluation.Judgements, mode: SearchMode, progress: (Double) -> Void = { _ in }
  ) async throws(KingletError) -> RetrievalEvaluation {
    var result = RetrievalEvaluation(mode: mode)
    let queries = judgements.queries.filter { !(judgements.relevant[$0.id] ?? []).isEmpty }
    guard !queries.isEmpty else {
      throw KingletError(.invalidArgument, "no query has anything relevant", remedy: "Do both files have the same ids?")
    }
    var seconds: [Double] = []
    let clock = ContinuousClock()
    for (index, query) in queries.enumerated() {
      let relevant = judgements.relevant[query.id] ?? []
      let start = clock.now
      let hits = try await search(query.text, options: .init(top: Self.evaluationDepth, mode: mode))
      let (whole, rest) = start.duration(to: clock.now).components
      seconds.append(Double(whole) + Double(rest) * 1e-18)
      result.add(ranks: Self.ranks(hits, relevant), relevant: relevant.count)
      progress(Double(index + 1) / Double(queries.count))
    }
    result.finish(seconds)
    return result
  }

  /// The ranks, from 1, at which relevant documents are found first; a document counts once, however many of its chunks
  /// are found.
  private static func ranks(_ hits: [SearchHit], _ relevant: Set<String>) -> [Int] {
    var seen: Set<String> = []
    var found: Set<String> = []
    var ranks: [Int] = []
    for hit in hits {
      let names = names(of: hit)
      guard seen.insert(names.first ?? "").inserted else { continue }
      if let name = names.first(where: { relevant.contains($0) }), found.insert(name).inserted {
        ranks.append(seen.count)
      }
    }
    return ranks
  }

  private static func names(of hit: SearchHit) -> [String] {
    if let identifier = hit.chunk.place.identifier { return [identifier] }
    let path = hit.document.path
    let url = URL(fileURLWithPath: path)
    return [path, url.lastPathComponent, url.deletingPathExtension().lastPathComponent]
  }
}

extension RetrievalEvaluation {
  fileprivate mutating func add(ranks: [Int], relevant: Int) {
    queries += 1
    func recall(_ k: Int) -> Double { Double(ranks.count { $0 <= k }) / Double(relevant) }
    recallAt1 += recall(1)
    recallAt5 += recall(5)
    recallAt10 += recall(10)
    if let first = ranks.first {
      if first == 1 { hitAt1 += 1 }
      if first <= 10 { mrrAt10 += 1 / Double(first) }
    }
    let gain = ranks.filter { $0 <= 10 }.reduce(0) { $0 + 1 / log2(Double($1) + 1) }
    ndcgAt10 += gain / (1...min(10, relevant)).reduce(0) { $0 + 1 / log2(Double($1) + 1) }
  }

  fileprivate mutating func finish(_ seconds: [Double]) {
    let count = Double(queries)
    recallAt1 /= count
    recallAt5 /= count
    recallAt10 /= count
    mrrAt10 /= count
    ndcgAt10 /= count
    hitAt1 /= count
    let sorted = seconds.sorted()
    medianSeconds = sorted[sorted.count / 2]
    percentile95Seconds = sorted[min(sorted.count - 1, sorted.count * 95 / 100)]
  }
}
