import Foundation
import KingletErrors
import KingletTensors
import KingletTestSupport
import Testing

@testable import KingletRetrieval

/// The image of a large store, made of a small one.
struct ScanImageTests {
  let folder: ScratchFolder
  let store: SQLiteStore
  let compute: Compute
  static let width = 64

  init() throws {
    folder = try ScratchFolder()
    store = try SQLiteStore(path: folder.store, create: true)
    compute = Compute(options: .init(), table: try KernelTable.selected())
  }

  private func add(_ path: String, _ vectors: [[Float]]) throws {
    let chunks = vectors.enumerated().map { index, vector in
      NewChunk(
        Chunk(range: 0..<1, text: "x", lines: 1...1, heading: [], place: Place(), tokenCount: 1),
        hash: ContentHash(of: [path, "\(index)"]).bytes, vector: vector)
    }
    try store.replace(
      NewDocument(
        path: path, content: LoadedDocument(format: .text, text: "x"), hash: ContentHash(of: [path]).bytes, size: 1,
        modified: 0, chunks: chunks))
  }

  private func randomVectors(_ count: Int, seed: UInt64) -> [[Float]] {
    var random = SeededRandom(seed)
    return (0..<count).map { _ in
      let vector = (0..<Self.width).map { _ in Float.random(in: -1...1, using: &random) }
      let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return vector.map { $0 / length }
    }
  }

  private func parts() throws -> [VectorIndex.Part] {
    let count = try store.statistics().chunks
    return try ScanImage(path: folder.store + ".kscan").parts(
      of: store, count: count, dimensions: Self.width, compute: compute)
  }

  @Test func candidatesHoldTheNearest() throws {
    let vectors = randomVectors(1000, seed: 1)
    try add("a", vectors)
    let part = try #require(try parts().first)
    #expect(part.ids.count == 1000 && !part.isExact)
    for query in randomVectors(20, seed: 2) {
      let best = vectors.indices.max { product(query, vectors[$0]) < product(query, vectors[$1]) }
      let candidates = try compute.nearest(to: query, in: part.rows, count: 20).map { Int(part.ids[$0.row]) - 1 }
      #expect(candidates.contains(try #require(best)))
    }
  }

  @Test func followsTheStoreAndIsMadeAnewWhenDamaged() throws {
    try add("a", randomVectors(300, seed: 1))
    _ = try parts()
    let path = folder.store + ".kscan"
    let made = try Data(contentsOf: URL(fileURLWithPath: path))
    try add("b", randomVectors(5, seed: 3))
    let later = try parts()
    #expect(later.map(\.ids.count) == [300, 5] && later[1].isExact)
    // The document at the path is another one now: its old rows are masked.
    try add("b", randomVectors(7, seed: 4))
    let replaced = try parts()
    #expect(replaced.map(\.ids.count) == [300, 7] && replaced[0].live == nil)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == made)
    for damage in [made.prefix(100), made.prefix(made.count - 1), Data(), Data(repeating: 7, count: made.count)] {
      try damage.write(to: URL(fileURLWithPath: path))
      #expect(try parts().reduce(0) { $0 + $1.ids.count } == 307)
    }
    try store.removeDocuments([1])
    let fewer = try parts()
    #expect(fewer.reduce(0) { $0 + $1.ids.count } == 7)
  }

  @Test func masks() throws {
    let vectors = randomVectors(200, seed: 5)
    let rows = try VectorRows(
      packing: vectors.flatMap { $0 }, columns: Self.width, as: .f32, table: compute.table, threads: 2)
    let allowed = VectorIndex.bits((0..<200).map { Int64($0) }, with: [3, 64, 199, 500])
    let found = try compute.nearest(to: vectors[0], in: rows, count: 10, allowed: allowed)
    #expect(Set(found.map(\.row)) == [3, 64, 199])
    #expect(zip(found, found.dropFirst()).allSatisfy { $0.product >= $1.product })
    let all = try compute.nearest(to: vectors[17], in: rows, count: 500)
    #expect(all.count == 200 && all[0].row == 17)
    for (row, value) in all { #expect(abs(value - product(vectors[17], vectors[row])) < 1e-5) }
    #expect(throws: KingletError.self) { try compute.nearest(to: [1], in: rows, count: 1) }
    #expect(throws: KingletError.self) {
      try VectorRows(packing: [], columns: 32, as: .f32, table: compute.table, threads: 1)
    }
  }
}
