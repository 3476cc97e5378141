import CIntrinsics
import KingletKernels

/// Attention over one page of Q8_0; the sums of integers do not depend on their order.
@inline(__always)
func attendRounded(_ task: PageAttention) {
  let visible = visibleSlots(task)
  var i = 0
  while i < task.queryCount {
    let left = task.queryCount &- i
    if left >= 8 {
      score(EightRoundedScores.self, task, i, visible)
      i &+= 8
    } else if left >= 4 {
      score(FourRoundedScores.self, task, i, visible)
      i &+= 4
    } else if left == 3 {
      score(ThreeRoundedScores.self, task, i, visible)
      i &+= 3
    } else if left == 2 {
      score(TwoRoundedScores.self, task, i, visible)
      i &+= 2
    } else {
      score(RoundedScore.self, task, i, visible)
      i &+= 1
    }
  }
  if let bias = task.bias { add(bias, to: task, visible) }
  softmax(task, visible)
  clearOutputs(task)
  i = 0
  while i < task.queryCount {
    let left = task.queryCount &- i
    if left >= 8 {
      weigh(EightRoundedOutputs.self, task, i, visible)
      i &+= 8
    } else if left >= 4 {
      weigh(FourRoundedOutputs.self, task, i, visible)
      i &+= 4
    } else if left == 3 {
      weigh(ThreeRoundedOutputs.self, task, i, visible)
      i &+= 3
    } else if left == 2 {
      weigh(TwoRoundedOutputs.self, task, i, visible)
      i &+= 2
    } else {
      weigh(RoundedOutput.self, task, i, visible)
      i &+= 1
    }
  }
}
