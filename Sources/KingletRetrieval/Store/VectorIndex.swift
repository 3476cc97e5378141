import Foundation
import GRDB
import Kinglet
import KingletErrors
import KingletTensors
import Synchronization

/// The vectors of a store in memory, or mapped from its scan image, to be searched; loaded when they are first needed and
/// again when the store has changed.
///
/// Below `exactLimit` chunks they are packed as floats and every product is exact. Above, a scan of 4-bit rows finds
/// candidates, whose vectors are then read from the store and multiplied in float.
final class VectorIndex: Sendable {
  static let exactLimit = 50_000
  /// Candidates of a quantised scan for each hit that is wanted, and in any case. Of a million vectors the ten nearest
  /// were among the first 100 always, among the first 20 in 99 of 100 cases.
  private static let candidatesPerHit = 3
  private static let moreCandidates = 20
  /// Vectors that stand for all when the spread of scores is measured.
  private static let sampleCount = 2048

  private let image: ScanImage
  private let state = Mutex(State())

  private struct State {
    var revision: Int64 = -1
    var compute: Compute?
    var parts: [Part] = []
    /// One after another; for the mean and the deviation of scores.
    var sample: [Float] = []
  }

  /// Rows that are searched together.
  struct Part {
    var rows: VectorRows
    /// Of the chunks, ascending.
    var ids: [Int64]
    /// Rows of chunks that are still there, and of those that are no summaries; nil where all are.
    var live: [UInt64]?
    var content: [UInt64]?
    var isExact: Bool
  }

  init(store path: String) { image = ScanImage(path: path + ".kscan") }

  func nearest(
    _ query: [Float], count: Int, among allowed: [Int64]?, summaries: Bool, in store: SQLiteStore
  ) throws(KingletError) -> ScoredRun {
    var (candidates, run) = try state.withLock { (state) throws(KingletError) in
      try scan(query, count, allowed, summaries, &state, store)
    }
    if !candidates.isEmpty {
      let vectors = try store.vectors(candidates.map(\.id))
      run.hits += candidates.compactMap { candidate in
        vectors[candidate.id].map { ScoredChunk(id: candidate.id, score: product(query, $0)) }
      }
    }
    run.hits.sort { $0.score > $1.score || $0.score == $1.score && $0.id < $1.id }
    run.hits.removeLast(max(0, run.hits.count - count))
    return run
  }

  /// Makes the scan image ready, so that no search has to wait for it.
  func prepare(_ store: SQLiteStore) throws(KingletError) {
    try state.withLock { (state) throws(KingletError) in try load(&state, from: store) }
  }

  func spread(of query: [Float], in store: SQLiteStore) throws(KingletError) -> (mean: Float, deviation: Float) {
    try state.withLock { (state) throws(KingletError) in
      try load(&state, from: store)
      return spread(query, state.sample)
    }
  }

  /// What a scan finds: candidates of quantised rows, and hits among exact ones.
  private func scan(
    _ query: [Float], _ count: Int, _ allowed: [Int64]?, _ summaries: Bool, _ state: inout State, _ store: SQLiteStore
  ) throws(KingletError) -> (candidates: [ScoredChunk], run: ScoredRun) {
    try load(&state, from: store)
    var candidates: [ScoredChunk] = []
    var exact: [ScoredChunk] = []
    guard let compute = state.compute else { return ([], ScoredRun()) }
    for part in state.parts {
      let mask = mask(part, allowed, summaries)
      let wanted = part.isExact ? count : count * Self.candidatesPerHit + Self.moreCandidates
      for (row, product) in try compute.nearest(to: query, in: part.rows, count: wanted, allowed: mask) {
        let hit = ScoredChunk(id: part.ids[row], score: product)
        if part.isExact { exact.append(hit) } else { candidates.append(hit) }
      }
    }
    let (mean, deviation) = spread(query, state.sample)
    return (candidates, ScoredRun(hits: exact, mean: mean, deviation: deviation))
  }

  private func load(_ state: inout State, from store: SQLiteStore) throws(KingletError) {
    let revision = try store.read {
      try Int64.fetchOne($0, sql: "SELECT value FROM setting WHERE key = 'revision'") ?? 0
    }
    if state.revision == revision, state.compute != nil { return }
    let table = try KernelTable.selected()
    let compute = state.compute ?? Compute(options: .init(matmul: .simd), table: table)
    let dimensions = try store.settings()?.dimensions ?? 0
    let count = try store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM vector") ?? 0 }
    state.parts = []
    if count >= Self.exactLimit {
      state.parts = try image.parts(of: store, count: count, dimensions: dimensions, compute: compute)
    } else if count > 0 {
      state.parts = [try Self.exactPart(of: store, after: 0, dimensions: dimensions, compute: compute)].compactMap {
        $0
      }
    }
    let summaries = try store.read { try Int64.fetchAll($0, sql: "SELECT id FROM chunk WHERE kind = 1") }
    for index in state.parts.indices where !summaries.isEmpty {
      state.parts[index].content = Self.bits(state.parts[index].ids, without: summaries)
    }
    state.sample = Self.sample(state.parts)
    state.compute = compute
    state.revision = revision
  }

  /// All vectors with ids above `after`, as floats.
  static func exactPart(
    of store: SQLiteStore, after: Int64, dimensions: Int, compute: Compute
  ) throws(KingletError) -> Part? {
    var ids: [Int64] = []
    var floats: [Float] = []
    (ids, floats) = try store.read { database in
      var ids: [Int64] = []
      var floats: [Float] = []
      let rows = try Row.fetchCursor(
        database, sql: "SELECT id, value FROM vector WHERE id > ? ORDER BY id", arguments: [after])
      while let row = try rows.next() {
        ids.append(try row.value("id"))
        try appendVector(row, to: &floats, dimensions: dimensions)
      }
      return (ids, floats)
    }
    guard !ids.isEmpty else { return nil }
    let rows = try VectorRows(
      packing: floats, columns: dimensions, as: .f32, table: compute.table, threads: compute.threads)
    return Part(rows: rows, ids: ids, isExact: true)
  }

  private func mask(_ part: Part, _ allowed: [Int64]?, _ summaries: Bool) -> [UInt64]? {
    var masks: [[UInt64]] = []
    if let live = part.live { masks.append(live) }
    if !summaries, let content = part.content { masks.append(content) }
    if let allowed { masks.append(Self.bits(part.ids, with: allowed)) }
    guard var result = masks.first else { return nil }
    for mask in masks.dropFirst() { for word in result.indices { result[word] &= mask[word] } }
    return result
  }

  /// A bit for each of `ids` that is in `others`; both ascend.
  static func bits(_ ids: [Int64], with others: [Int64]) -> [UInt64] {
    var bits = [UInt64](repeating: 0, count: (ids.count + 63) / 64)
    var other = 0
    for (row, id) in ids.enumerated() {
      while other < others.count, others[other] < id { other += 1 }
      if other < others.count, others[other] == id { bits[row >> 6] |= 1 << UInt64(row & 63) }
    }
    return bits
  }

  private static func bits(_ ids: [Int64], without others: [Int64]) -> [UInt64] {
    bits(ids, with: others.sorted()).map { ~$0 }
  }

  private static func sample(_ parts: [Part]) -> [Float] {
    let total = parts.reduce(0) { $0 + $1.ids.count }
    let step = max(1, total / sampleCount)
    return parts.flatMap { part in
      stride(from: 0, to: part.ids.count, by: step).flatMap { part.rows.floats($0..<$0 + 1) }
    }
  }

  private func spread(_ query: [Float], _ sample: [Float]) -> (mean: Float, deviation: Float) {
    let count = sample.count / max(1, query.count)
    guard count > 0 else { return (0, 0) }
    var (sum, squares) = (0.0, 0.0)
    for row in 0..<count {
      let score = Double(product(query, sample[row * query.count..<(row + 1) * query.count]))
      sum += score
      squares += score * score
    }
    let mean = sum / Double(count)
    return (Float(mean), Float(max(0, squares / Double(count) - mean * mean).squareRoot()))
  }
}

/// Appends the vector in the column `value` of a row; one of another length is not to be passed over.
func appendVector(_ row: Row, to floats: inout [Float], dimensions: Int) throws {
  let data: Data = try row.value("value")
  guard data.count == dimensions * 4 else {
    throw KingletError(.fileCorrupt, "a vector has \(data.count) bytes, not \(dimensions * 4)")
  }
  floats += data.floats
}

/// The sum of products, in eight lanes; of as many numbers as the shorter has.
func product(_ first: some RandomAccessCollection<Float>, _ second: some RandomAccessCollection<Float>) -> Float {
  let result = first.withContiguousStorageIfAvailable { first in
    second.withContiguousStorageIfAvailable { second in product(first, second) }
  }
  return (result ?? nil) ?? zip(first, second).reduce(0) { $0 + $1.0 * $1.1 }
}

private func product(_ first: UnsafeBufferPointer<Float>, _ second: UnsafeBufferPointer<Float>) -> Float {
  let count = min(first.count, second.count)
  guard let a = first.baseAddress, let b = second.baseAddress else { return 0 }
  var lanes = SIMD8<Float>()
  var index = 0
  while index + 8 <= count {
    lanes +=
      UnsafeRawPointer(a + index).loadUnaligned(as: SIMD8<Float>.self)
      * UnsafeRawPointer(b + index).loadUnaligned(as: SIMD8<Float>.self)
    index += 8
  }
  var sum = lanes.sum()
  while index < count {
    sum += a[index] * b[index]
    index += 1
  }
  return sum
}
