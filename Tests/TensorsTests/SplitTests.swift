import KingletQuants
import KingletTestSupport
import Testing

@testable import KingletTensors

/// How products are cut into tasks.
@Suite("Split") struct SplitTests {
  @Test("Tasks cover each row for each token once, in blocks of whole tiles", arguments: InstructionSet.tested)
  func cover(set: InstructionSet) throws {
    for (type, rows, columns) in [
      (QuantType.q4_0, 1, 32), (.q4_0, 33, 8192), (.q8_0, 700, 64), (.f32, 5, 3), (.f16, 700, 40), (.f32, 64, 8192),
    ] {
      let matrix = try packed([RandomMatrix(type, rows: rows, columns: columns, seed: 1)], set)[0]
      for tokens in [0, 1, 7, 8, 9, 100, 513] {
        for threads in [1, 2, 64] {
          let split = Split(matrix, tokens: tokens, threads: threads)
          var covered = Array(repeating: 0, count: rows * tokens)
          var problems = 0
          var task = 0
          while task < split.taskCount {
            let run = task..<min(split.taskCount, task + (task % 3 == 0 ? split.longestRun : 1))
            task = run.upperBound
            let part = split.part(run)
            if part.tokens.lowerBound % 8 != 0 || part.tokens.count > split.tokensPerPart { problems += 1 }
            if part.panels.isEmpty || part.panels.count > split.panelsPerPart * run.count { problems += 1 }
            for row in part.rows(of: matrix) { for token in part.tokens { covered[row * tokens + token] += 1 } }
          }
          #expect(
            problems == 0 && covered.allSatisfy { $0 == 1 }, "\(type), \(rows) rows, \(tokens) tokens, \(threads)")
        }
      }
    }
  }
}
