from cartwheel.chaos.cluster.command import commands

commands()
