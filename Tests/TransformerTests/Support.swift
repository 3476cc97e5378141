import Foundation
import KingletTransformer

extension Decoder {
  /// Logits of all positions, `[tokens, vocabulary]` flattened, on a fresh cache fed in pieces of `chunk` tokens.
  func allLogits(_ ids: [Int32], chunk: Int = .max, type: KVType = .f32) throws -> [Float] {
    let cache = try makeCache(capacity: ids.count, type: type)
    var result: [Float] = []
    var done = 0
    while done < ids.count {
      let end = min(ids.count, chunk == .max ? ids.count : done + chunk)
      try forward(ids[done..<end], cache: cache) { _, row in result += copy(row) }
      done = end
    }
    return result
  }

  /// The argmax continuation of a prompt.
  func greedy(_ ids: [Int32], count: Int) throws -> [Int32] {
    let cache = try makeCache(capacity: ids.count + count, type: .f32)
    var logits: [Float] = []
    var next = ids
    var result: [Int32] = []
    for _ in 0..<count {
      try forward(next[...], cache: cache, logits: &logits)
      next = [Int32(indexOfMaximum(logits[...]))]
      result += next
    }
    return result
  }

  func rows(_ logits: [Float]) -> [ArraySlice<Float>] {
    stride(from: 0, to: logits.count, by: vocabularySize).map { logits[$0..<$0 + vocabularySize] }
  }
}

private func copy(_ row: borrowing [Float]) -> [Float] { row.map { $0 } }

func indexOfMaximum(_ row: ArraySlice<Float>) -> Int {
  row.indices.max { row[$0] < row[$1] || row[$0] == row[$1] && $0 > $1 }.map { $0 - row.startIndex } ?? -1
}

/// Sum over positions from 1 on of -ln p(ids[t] | ids[..<t]).
func negativeLogLikelihood(_ rows: [ArraySlice<Float>], _ ids: [Int32]) -> Double {
  zip(rows, ids.dropFirst()).reduce(0) { total, pair in
    let (row, id) = pair
    let maximum = row.max() ?? 0
    let sum = row.reduce(0.0) { $0 + exp(Double($1 - maximum)) }
    return total + log(sum) + Double(maximum) - Double(row[row.startIndex + Int(id)])
  }
}
