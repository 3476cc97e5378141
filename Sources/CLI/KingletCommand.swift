// CLI: the command `kinglet`. Each subcommand parses its arguments, calls the rooms below and prints; nothing is
// computed here.

import ArgumentParser
import Kinglet
import KingletTensors

/// The version of the command and of the package.
let kingletVersion = "0.1.0"

@main
struct KingletCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kinglet",
    abstract: "A small engine for small language models.",
    discussion: """
      Examples:
        kinglet generate --chat "What is the capital of Denmark?"
        kinglet chat --model smollm2
        kinglet bench --model qwen2.5-coder-0.5b

      A model is the path of a GGUF file or a name from `kinglet models`; without --model it is the catalogue's default.

      Exit codes:
        0    done
        1    failed; one line on standard error says what, where and what to do
        64   the arguments make no sense
        130  stopped by Ctrl-C

      Environment:
        KINGLET_MODELS  a folder in which models are looked for first
        KINGLET_ISA     the kernels to use: \(InstructionSet.allCases.map(\.rawValue).joined(separator: " or ")) (default: the best)
      """,
    version: kingletVersion,
    subcommands: [
      Generate.self, Chat.self, Inspect.self, Models.self, Tokenize.self, Embed.self, Similarity.self, Rank.self,
      Rag.self, ScoreCommand.self, PerplexityCommand.self, LoraCommand.self, QuantizeCommand.self, ImatrixCommand.self,
      CompareModels.self, Convert.self, Bench.self, Doctor.self,
    ])

  static var _errorPrefix: String { "error: " }

  static func main() async {
    Interrupts.shared.start()
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let error as KingletError where error.code == .cancelled {
      Interrupts.exit()
    } catch let error as KingletError {
      standardError("error: \(error)\n")
      exit(withError: ExitCode.failure)
    } catch {
      exit(withError: error)
    }
  }
}
